"""Texts stay texts."""

from pipelines.reports.page.markup import Html, element, table, text_of_data


def test_what_is_no_markup_is_escaped():
    made = element("p", "<script>", Html("<b>x</b>"), 3, title='a"<')
    assert made == '<p title="a&quot;&lt;">&lt;script&gt;<b>x</b>3</p>'


def test_names_of_attributes_are_those_of_html():
    assert (
        element("i", class_="x", aria_label="y") == '<i class="x" aria-label="y"></i>'
    )


def test_a_text_of_data_keeps_its_direction_to_itself():
    assert text_of_data("\u202e<") == '<bdi class="text">\u202e&lt;</bdi>'


def test_rows_of_a_table_begin_with_what_they_are_of():
    made = table(["", "<n>"], [["a&b", 1]], caption="<c>")
    assert '<th scope="row">a&amp;b</th><td>1</td>' in made
    assert "<caption>&lt;c&gt;</caption>" in made
    assert '<th scope="col">&lt;n&gt;</th>' in made
