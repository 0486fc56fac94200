from processors.data_check import text_table


def test_columns_line_up_by_cells_of_a_terminal():
    table = [["", "数", "n"], ["日本", "1", "10"], ["か\u3099", "22", "3"]]
    assert (
        text_table.aligned(table) == "      数   n\n日本   1  10\nか\u3099    22   3\n"
    )


def test_columns_to_the_left():
    table = [["kind", "one", "text"], ["a", "b", "c"]]
    assert text_table.aligned(table, left=3) == "kind  one  text\na     b    c\n"
