"""What the docs say of the code is what the code says."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def settings_read() -> set[str]:
    """The first argument of every `env.…("NAME")` of settings.py, and of the functions of its own that read one."""
    tree = ast.parse((ROOT / "accounts_enforcement" / "settings.py").read_text(encoding="utf-8"))
    own = {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        str(call.args[0].value)
        for call in calls
        if call.args and isinstance(call.args[0], ast.Constant) and _reads_environment(call.func, own)
    }


def _reads_environment(called: ast.expr, own: set[str]) -> bool:
    if isinstance(called, ast.Name):
        return called.id in own
    return isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "env"


def test_every_setting_stands_in_the_table_and_no_other() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)) == settings_read()
