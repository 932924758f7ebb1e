"""Names and values that would do harm where they were obeyed instead of shown."""

HOSTILE = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "\"><svg onload=document.title='owned'>",
    "</title></style></script><h1>broken out</h1>",
    "javascript:document.title='owned'",
    "[bold red]markup[/] [/nothing]",
    ":pile_of_poo:",
    "{{ 7 * 7 }} {% raw %}",
    "\x1b]0;owned\x07\x1b[31mred\x1b[2J",
    "\x9b2J\x08\x08",
    "line\nbreak\r\ttab",
    "\u202egnp.exe\u2066",
    "'; DROP TABLE x; --",
    "%s %n {0} \\",
    "漢字" * 40,
    "e" + "\u0301" * 30,
    "\ud800",
    "",
    " ",
    "a" * 5000,
]
