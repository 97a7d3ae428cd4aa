"""Tables of words beside an enumeration: nothing that can happen is without its word."""

from enforcement.models import Memo
from enforcement.rules.transitions import Step
from enforcement.services.queries import _PAST_TENSE
from tests.unit.memo_samples import KINDS


def test_every_step_has_its_word_in_the_timeline() -> None:
    assert set(_PAST_TENSE) == set(Step)


def test_every_memo_has_a_sample_that_the_tests_of_words_look_at() -> None:
    assert set(KINDS) == set(Memo.Kind.values)
