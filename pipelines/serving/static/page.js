"use strict";
// Texts of people and of the model enter the page as text nodes alone.

const at = (id) => document.getElementById(id);
let model = null;

function made(name, content, kind) {
  const found = document.createElement(name);
  if (content !== undefined) found.textContent = content;
  if (kind) found.className = kind;
  return found;
}

function row(...cells) {
  const found = made("tr");
  found.append(...cells);
  return found;
}

function refill(id, rows) {
  at(id).tBodies[0].replaceChildren(...rows);
}

async function asked(path, options) {
  const response = await fetch(path, options);
  const content = await response.json();
  if (!response.ok) throw new Error(content.error);
  return content;
}

function texts() {
  const first = at("first").value, second = at("second").value;
  return at("second-part").hidden || (model.pairs === null && !second) ? [first] : [first, second];
}

function span(characters, start, end) {
  return characters.slice(start, end).join("");
}

function showAnswer(answer) {
  const number = answer.number !== undefined;
  const said = number ? String(answer.number) : answer.label ?? answer.labels.join(", ");
  at("said").textContent = said || "none of the labels";
  at("bars").hidden = number;
  const entries = Object.entries(answer.probabilities ?? {});
  entries.sort((one, other) => other[1] - one[1]);
  refill("bars", entries.map(([label, probability]) => {
    const name = made("th");
    name.scope = "row";
    name.append(made("bdi", label));
    const bar = made("div", undefined, "bar"), cell = made("td");
    bar.style.width = `${100 * probability}%`;
    cell.append(bar);
    return row(name, made("td", probability.toFixed(4), "number"), cell);
  }));
}

function showParts(found, characters) {
  const most = Math.max(...found.parts.map((part) => Math.abs(part.effect)), 0);
  at("most").textContent = most.toFixed(4);
  at("nothing").hidden = found.parts.length > 0;
  at("leaned").hidden = found.parts.length === 0;
  const signed = (effect) => (effect < 0 ? "−" : "+") + Math.abs(effect).toFixed(4);
  at("parts").replaceChildren(...characters.map((text, place) => {
    const shown = made("p");
    let done = 0;
    for (const part of found.parts.filter((part) => part.text === place)) {
      if (part.start < done) continue;
      shown.append(span(text, done, part.start));
      const kind = part.effect < 0 ? "against" : "for";
      const inner = made("span", span(text, part.start, part.end), `part ${kind}`);
      inner.style.setProperty("--depth", most ? 0.75 * Math.abs(part.effect) / most : 0);
      inner.title = signed(part.effect);
      shown.append(inner);
      done = part.end;
    }
    shown.append(span(text, done, text.length));
    return shown;
  }));
  const sorted = [...found.parts].sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect));
  refill("effects", sorted.map((part) => {
    const cell = made("td");
    cell.append(made("bdi", span(characters[part.text], part.start, part.end)));
    return row(cell, made("td", `${part.start}–${part.end}`, "number"), made("td", signed(part.effect), "number"));
  }));
}

function showTokens(tokens, characters) {
  at("tokens-summary").textContent = `${tokens.length} tokens`;
  refill("tokens", tokens.map((token) => {
    const name = made("td"), inText = made("td");
    name.append(made("bdi", token.token));
    inText.append(made("bdi", span(characters[token.text], token.start, token.end)));
    return row(name, made("td", String(token.id), "number"), made("td", `${token.start}–${token.end}`, "number"), inText);
  }));
}

function show(found, given) {
  // Places count characters as the model does; a string of JavaScript counts some twice.
  const characters = given.map((text) => Array.from(text));
  showAnswer(found.answer);
  at("method").textContent = found.method;
  for (const each of document.getElementsByClassName("explained")) {
    each.textContent = found.explained === null ? "the number" : `the probability of ${found.explained}`;
  }
  showParts(found, characters);
  showTokens(found.tokens, characters);
  at("result").hidden = false;
}

function fail(error) {
  at("error").textContent = error.message;
  at("error").hidden = false;
}

async function ask(event) {
  event.preventDefault();
  if (model === null) return;
  const given = texts();
  at("ask").disabled = true;
  at("error").hidden = true;
  try {
    const instances = given.length === 1 ? given : [given];
    const body = JSON.stringify({ instances });
    show(await asked(`/v1/models/${model.name}:explain`, { method: "POST", body }), given);
  } catch (error) {
    at("result").hidden = true;
    fail(error);
  } finally {
    at("ask").disabled = false;
  }
}

async function begin() {
  try {
    const name = document.documentElement.dataset.model;
    model = await asked(`/v1/models/${name}`);
    if (model.labels === undefined) throw new Error("The model is loading …");
    at("error").hidden = true;
    at("name").textContent = model.name;
    document.title = model.name;
    const version = model.model_version_status[0].version;
    at("about").textContent = `Version ${version}; answers with ${model.answers === "number" ? "a number" : model.labels.join(", ")}; reads ${model.max_seq_length} tokens at once.`;
    at("second-part").hidden = model.pairs === false;
    at("first-label").textContent = model.pairs === false ? "Text" : "First text";
  } catch (error) {
    model = null;
    fail(error);
    setTimeout(begin, 1000);
  }
}

at("form").addEventListener("submit", ask);
at("first").addEventListener("input", () => {
  at("count").textContent = `${Array.from(at("first").value).length} characters`;
});
at("first").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) at("form").requestSubmit();
});
begin();
