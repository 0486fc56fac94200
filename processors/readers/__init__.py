"""Files of rows, each row with its file and line, and what becomes of a bad one.

Text is decoded strictly; a line ends at a line feed or carriage return and line feed
and nowhere else. Nothing here needs memory that grows with the file.
"""
