"""Names that could be mistaken for markup, code or special values."""

from typing import Final

HOSTILE: Final = (
    "cnn [/v2]",
    "[baseline] 32 filters",
    ":cat: run",
    ":material/delete: :red[x] **b** $x^2$",
    "[a](http://example.org) <b>h</b> `c` ![i](http://example.org/i.png)",
    "# heading",
    "Setting",
    "index",
    "None",
    "0",
    "one-hot encoding",
    "\"\"\"'''\\N{DASH}\\",
    "%%bash !ls -*- x",
    "=1+1",
    "@SUM(A1)",
    "<script>alert(1)</script>&amp;%{x}",
    "{curly} %s $1",
    "a -- b -> c",
    "../../etc/CON",
    "이름 שלום مرحبا 👩\u200d🚀",
)
"""Valid names of runs."""

REFUSED: Final = (
    "",
    "  \n ",
    "a\x00b",
    "\x1b[31mred",
    "\u202egnp.exe",
    "\ud800",
    "\u200d",
    "\u3164 \u2800",
    "b\x7f",
)
"""Invalid names of runs; a stored run with such a name is still displayed."""
