"""Models that are near to BERT and are not computed here, known by what they leave.

A model shows what it is by the `model_type` or the class of its configuration, by keys
that a BERT's configuration does not have, and by the names of its variables.

Source: transformers, models/*/configuration_*.py and modeling_*.py; google-research's
albert, electra, mobilebert; zihangdai/xlnet; openai/gpt-2.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class _Model:
    """What one of them leaves.

    Attributes:
        name: As people call it.
        types: Its `model_type`, with which its variables' names begin, too.
        keys: Keys that its configuration has, all of them, and a BERT's has not.
        variables: A pattern of names of its variables.
    """

    name: str
    types: tuple[str, ...]
    keys: tuple[str, ...] = ()
    variables: str = r"(?!)"


# Of several that fit, the first.
_MODELS = (
    _Model(
        "ALBERT",
        ("albert",),
        ("embedding_size", "num_hidden_groups"),
        r"encoder\.albert_layer_groups|bert/encoder/transformer/group_"
        r"|bert/encoder/embedding_hidden_mapping_in",
    ),
    _Model(
        "DistilBERT",
        ("distilbert", "distil-bert"),
        ("dim", "n_layers", "n_heads"),
        r"(transformer\.)?layer\.\d+\.attention\.q_lin",
    ),
    _Model(
        "ELECTRA",
        ("electra",),
        ("generator_hidden_size",),
        r"(discriminator_predictions|generator(_predictions|_lm_head)?)[./]",
    ),
    _Model(
        "MobileBERT",
        ("mobilebert",),
        ("intra_bottleneck_size",),
        r"(.*[./])?bottleneck[./]",
    ),
    _Model("DeBERTa", ("deberta", "deberta-v2"), (), r"encoder\.rel_embeddings"),
    _Model(
        "ModernBERT",
        ("modernbert",),
        ("global_attn_every_n_layers",),
        r"(model\.)?layers\.\d+\.attn\.Wqkv",
    ),
    _Model("XLM-RoBERTa", ("xlm-roberta", "xlm-roberta-xl")),
    _Model("RoBERTa", ("roberta", "camembert"), (), r".*\.sentence_encoder\."),
    _Model("XLM", ("xlm",), ("n_langs", "emb_dim")),
    _Model(
        "T5",
        ("t5", "mt5", "umt5", "longt5"),
        ("d_kv", "d_ff"),
        r"(encoder|decoder)(\.block\.\d+\.layer\.|/block_\d+/)",
    ),
    _Model(
        "XLNet",
        ("xlnet",),
        ("d_inner", "untie_r"),
        r"(transformer\.)?layer\.\d+\.rel_attn\.|model/transformer/layer_\d+/rel_attn",
    ),
    _Model(
        "GPT-2",
        ("gpt2", "openai-gpt"),
        ("n_embd", "n_ctx"),
        r"(transformer\.)?h\.\d+\.(attn|mlp)\.c_|model/h\d+/(attn|mlp)/",
    ),
    _Model(
        "BART",
        ("bart", "mbart", "pegasus", "marian"),
        ("encoder_ffn_dim", "decoder_layers"),
        r"(model\.)?decoder\.layers\.\d+\.(self_attn|encoder_attn)\.",
    ),
    _Model(
        "Llama or a kin of it",
        ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3"),
        ("num_key_value_heads",),
        r"model\.layers\.\d+\.self_attn\.q_proj",
    ),
    _Model("BERT of another build (bert-generation)", ("bert-generation",)),
    _Model("Big Bird", ("big_bird",), ("num_random_blocks",)),
    _Model("CANINE", ("canine",)),
    _Model("ConvBERT", ("convbert",), ("conv_kernel_size", "head_ratio")),
    _Model("ERNIE", ("ernie", "ernie_m")),
    _Model("FNet", ("fnet",)),
    _Model("Funnel Transformer", ("funnel",), ("block_sizes",)),
    _Model("LayoutLM", ("layoutlm", "layoutlmv2", "layoutlmv3")),
    _Model("Longformer", ("longformer",), ("attention_window",)),
    _Model("LUKE", ("luke", "mluke"), ("entity_vocab_size",)),
    _Model("Megatron-BERT", ("megatron-bert",)),
    _Model("MPNet", ("mpnet",), ("relative_attention_num_buckets",)),
    _Model("NEZHA", ("nezha",), ("max_relative_position",)),
    _Model("Nomic BERT", ("nomic_bert",)),
    _Model("RemBERT", ("rembert",), ("input_embedding_size", "output_embedding_size")),
    _Model("RoFormer", ("roformer",), ("rotary_value",)),
    _Model("SqueezeBERT", ("squeezebert",), ("q_groups",)),
)


def of_settings(values: Mapping[str, Any]) -> str | None:
    """The name of the model that a configuration is of; None: a BERT, or not known.

    Args:
        values: The parsed file.
    """
    kind = str(values.get("model_type", "bert"))
    if kind != "bert":
        return next((each.name for each in _MODELS if kind in each.types), None)
    listed = values.get("architectures")
    classes = [str(name).lower() for name in listed] if isinstance(listed, list) else []
    for each in _MODELS:
        of_class = any(_is_class(name, each.types) for name in classes)
        if of_class or (each.keys and values.keys() >= set(each.keys)):
            return each.name
    return None


def of_variables(names: Iterable[str]) -> str | None:
    """The name of the model that variables are of; None: a BERT, or not known.

    Args:
        names: Of all of its variables.
    """
    names = list(names)
    for each in _MODELS:
        prefixes = "|".join(kind.replace("-", "_") for kind in each.types)
        pattern = re.compile(rf"(tf_)?({prefixes})(_\w+)?[./]|{each.variables}")
        if any(map(pattern.match, names)):
            return each.name
    return None


def refusal(model: str) -> str:
    """What to say of another model, after what it is seen by."""
    article = "an" if model.startswith(("A", "E", "XL", "MP")) else "a"
    return (
        f"is {article} {model}, which computes otherwise than BERT and is not read. "
        "Give the weights of a BERT (model_type 'bert'), or use that model's own "
        "program."
    )


def _is_class(name: str, types: tuple[str, ...]) -> bool:
    """Whether the class of a model, in lower case, is one of these types."""
    plain = "|".join(re.sub("[-_]", "", kind) for kind in types)
    return bool(re.match(rf"(tf|flax)?({plain})(for|model|lmhead|encoder|pre)", name))
