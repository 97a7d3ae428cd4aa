"""What a database refuses by itself, whoever writes: triggers of pgtrigger that no session can switch off."""

from guards.append_only import KEPT, UNCHANGED, ColumnsKept, closed_when
from guards.guard import Guard

__all__ = ["KEPT", "UNCHANGED", "ColumnsKept", "Guard", "closed_when"]
