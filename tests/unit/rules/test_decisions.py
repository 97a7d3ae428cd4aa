"""What the automation proposes: after an assessment, at the deadline, and on the later rungs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from enforcement.rules.decisions import (
    AtDeadline,
    Manners,
    Proposal,
    Wait,
    at_deadline,
    later_step,
    on_assessment,
    people_by_hand,
    rung_of,
    still_unsupported,
)
from enforcement.rules.outcomes import Outcome
from enforcement.rules.policy import Policy, parse_policy
from enforcement.rules.territory import Territories
from enforcement.rules.transitions import State, Step, StepRefused

DOCUMENT = """
format: 1
name: ladder
territories: {{supported: [DE]}}
evidence: {{kinds: {{ip_geolocation: {{points: 1, per: day, cap: 30}}}}}}
qualifies: [{{name: any, min_points: 1}}]
ladder:
  warn: {{automation: auto, notice: P15D}}
  deadline: {deadline}
  restriction: {restriction}
  suspension: {suspension}
  cure: {cure}
  persons: {persons}
"""
DAY = timedelta(days=1)
INSTANT = timedelta.resolution
DUE = datetime(2026, 7, 9, 12, tzinfo=UTC)
COMPANY = Manners(is_person=False, protected=False, no_suspension=False)


def policy(
    deadline: str = "{step: suspend, automation: auto}",
    restriction: str = "null",
    suspension: str = "null",
    cure: str = "{quiet: P7D, extend: true}",
    persons: str = "held",
) -> Policy:
    return parse_policy(
        DOCUMENT.format(deadline=deadline, restriction=restriction, suspension=suspension, cure=cure, persons=persons)
    )


FOUND = AtDeadline(
    due_at=DUE, rule_holds=True, sanctioned=False, new_requests=1, last_counting_at=DUE - DAY, manners=COMPANY
)


def step_at(found: AtDeadline, rules: Policy, now: datetime = DUE) -> Step | None:
    verdict = at_deadline(found, rules, now)
    return verdict.step if isinstance(verdict, Proposal) else None


class TestAfterAnAssessment:
    def outcome(self, kind: str) -> Outcome:
        return Outcome(outcome=kind, rule="sustained")  # type: ignore[arg-type]

    def test_a_rule_that_holds_warns_at_once(self) -> None:
        found = on_assessment(self.outcome("warn"), COMPANY)
        assert found is not None
        assert (found.step, found.people) == (Step.WARN, 0)

    def test_a_held_rule_waits_for_one_person_and_a_protected_account_for_one_more(self) -> None:
        held = on_assessment(self.outcome("held"), COMPANY)
        protected = on_assessment(self.outcome("held"), replace(COMPANY, protected=True))
        assert held is not None
        assert protected is not None
        assert (held.people, protected.people) == (1, 2)

    def test_a_review_is_left_to_a_person(self) -> None:
        assert on_assessment(self.outcome("review"), COMPANY) is None

    def test_a_case_that_no_longer_matches_closes_silently(self) -> None:
        found = on_assessment(None, COMPANY)
        assert found is not None
        assert found.step is Step.CURE


class TestAtTheDeadline:
    def test_nothing_happens_an_instant_before(self) -> None:
        assert at_deadline(FOUND, policy(cure="null"), DUE - INSTANT) == Wait(DUE)

    def test_the_step_comes_at_the_deadline_when_traffic_went_on_and_nothing_cures(self) -> None:
        assert step_at(FOUND, policy(cure="null")) is Step.SUSPEND

    @pytest.mark.parametrize(
        ("name", "step"), [("restrict_territory", Step.RESTRICT), ("suspend", Step.SUSPEND), ("block", Step.BLOCK)]
    )
    def test_the_step_is_the_policys(self, name: str, step: Step) -> None:
        assert step_at(FOUND, policy(deadline=f"{{step: {name}, automation: auto}}", cure="null")) is step

    def test_an_account_for_which_no_rule_holds_any_more_is_cured(self) -> None:
        assert step_at(replace(FOUND, rule_holds=False), policy(cure="null")) is Step.CURE

    @pytest.mark.parametrize(("requests", "step"), [(4, Step.CURE), (5, Step.SUSPEND)])
    def test_the_step_needs_new_requests_since_the_acceptance(self, requests: int, step: Step) -> None:
        rules = policy(deadline="{step: suspend, automation: auto, needs_new: {requests: 5}}", cure="null")
        assert step_at(replace(FOUND, new_requests=requests), rules) is step

    def test_who_was_quiet_for_the_whole_quiet_period_is_cured_at_once(self) -> None:
        assert step_at(replace(FOUND, last_counting_at=DUE - 7 * DAY - INSTANT), policy()) is Step.CURE

    def test_who_stopped_later_has_until_the_last_sighting_plus_the_quiet_period(self) -> None:
        stopped = replace(FOUND, last_counting_at=DUE - 7 * DAY)
        assert at_deadline(stopped, policy(), DUE) == Wait(DUE + INSTANT)
        late = replace(FOUND, last_counting_at=DUE - DAY)
        assert at_deadline(late, policy(), DUE) == Wait(DUE + 6 * DAY + INSTANT)

    def test_the_quiet_period_has_to_pass(self) -> None:
        assert step_at(FOUND, policy(), DUE + 6 * DAY) is None
        assert step_at(FOUND, policy(), DUE + 6 * DAY + INSTANT) is Step.CURE

    @pytest.mark.parametrize(("last", "step"), [(DUE - INSTANT, None), (DUE, Step.SUSPEND)])
    def test_a_sighting_at_or_after_the_deadline_brings_the_step(self, last: datetime, step: Step | None) -> None:
        assert step_at(replace(FOUND, last_counting_at=last), policy(), DUE + DAY) is step

    def test_without_extension_the_step_comes_at_the_deadline(self) -> None:
        rules = policy(cure="{quiet: P7D, extend: false}")
        assert step_at(FOUND, rules) is Step.SUSPEND
        assert step_at(replace(FOUND, last_counting_at=DUE - 7 * DAY - INSTANT), rules) is Step.CURE


class TestWhoMustAgree:
    def people(self, rules: Policy, manners: Manners = COMPANY, *, sanctioned: bool = False) -> int:
        verdict = at_deadline(replace(FOUND, manners=manners, sanctioned=sanctioned), rules, DUE)
        assert isinstance(verdict, Proposal)
        return verdict.people

    def test_nobody_where_the_policy_says_auto(self) -> None:
        assert self.people(policy(cure="null")) == 0

    def test_one_where_it_says_held(self) -> None:
        assert self.people(policy(deadline="{step: suspend, automation: held}", cure="null")) == 1

    def test_one_for_a_natural_person_unless_the_policy_lets_the_automation_go_on(self) -> None:
        person = replace(COMPANY, is_person=True)
        assert self.people(policy(cure="null"), person) == 1
        assert self.people(policy(cure="null", persons="auto"), person) == 0

    def test_one_where_the_contract_excludes_automatic_suspension_but_not_for_a_mere_restriction(self) -> None:
        promised = replace(COMPANY, no_suspension=True)
        assert self.people(policy(cure="null"), promised) == 1
        narrow = policy(deadline="{step: restrict_territory, automation: auto}", cure="null")
        assert self.people(narrow, promised) == 0

    def test_one_more_for_a_protected_account(self) -> None:
        assert self.people(policy(cure="null"), replace(COMPANY, protected=True)) == 1
        assert self.people(policy(cure="null"), replace(COMPANY, protected=True, is_person=True)) == 2

    def test_one_where_counsels_territory_is_among_the_traffic(self) -> None:
        assert self.people(policy(cure="null"), sanctioned=True) == 1

    def test_by_hand_the_table_says_and_a_protected_account_takes_one_more(self) -> None:
        assert people_by_hand(State.OPEN, Step.WARN, COMPANY) == 1
        assert people_by_hand(State.WARNED, Step.SUSPEND, COMPANY) == 2
        assert people_by_hand(State.WARNED, Step.SUSPEND, replace(COMPANY, protected=True)) == 3
        with pytest.raises(StepRefused):
            people_by_hand(State.OPEN, Step.SUSPEND, COMPANY)


class TestAfterAnAppealWasWon:
    """The automation does not repeat by itself what it was wrong about."""

    SHIELDED = replace(COMPANY, overturned=frozenset({"sustained"}))

    def warning(self, kind: str, rule: str, manners: Manners) -> int:
        found = on_assessment(Outcome(outcome=kind, rule=rule), manners)  # type: ignore[arg-type]
        assert found is not None
        return found.people

    def test_the_same_rule_warns_with_one_person_more(self) -> None:
        assert self.warning("warn", "sustained", self.SHIELDED) == 1
        assert self.warning("held", "sustained", self.SHIELDED) == 2

    def test_another_rule_warns_as_before(self) -> None:
        assert self.warning("warn", "corroborated", self.SHIELDED) == 0

    @pytest.mark.parametrize(("rule", "people"), [("sustained", 1), ("corroborated", 0), ("", 0)])
    def test_the_step_at_the_deadline_takes_one_person_more_by_the_same_rule_only(self, rule: str, people: int) -> None:
        found = replace(FOUND, manners=self.SHIELDED, rule=rule)
        verdict = at_deadline(found, policy(cure="null"), DUE)
        assert isinstance(verdict, Proposal)
        assert (verdict.step, verdict.people) == (Step.SUSPEND, people)

    @pytest.mark.parametrize(("rule", "people"), [("sustained", 1), ("corroborated", 0)])
    def test_so_does_every_later_step(self, rule: str, people: int) -> None:
        rules = policy(suspension="{step: block, after: P30D, automation: auto}")
        found = later_step(State.SUSPENDED, rules, self.SHIELDED, rule)
        assert found is not None
        assert found.people == people

    def test_a_cure_needs_nobody(self) -> None:
        found = replace(FOUND, manners=self.SHIELDED, rule="sustained", new_requests=0)
        assert at_deadline(found, policy(), DUE) == Proposal(
            Step.CURE, 0, "The traffic did not continue after the warning."
        )

    def test_never_more_people_than_a_decision_has_room_for(self) -> None:
        guarded = replace(self.SHIELDED, protected=True, is_person=True)
        assert self.warning("held", "sustained", guarded) == 2
        verdict = at_deadline(replace(FOUND, manners=guarded, rule="sustained"), policy(cure="null"), DUE)
        assert isinstance(verdict, Proposal)
        assert verdict.people == 2

    def test_by_hand_it_takes_as_many_as_before(self) -> None:
        assert people_by_hand(State.WARNED, Step.SUSPEND, self.SHIELDED) == 2


class TestTheLadder:
    def test_a_suspension_leads_where_the_policy_says_and_a_missing_rung_ends_it(self) -> None:
        rules = policy(suspension="{step: block, after: P30D, automation: held}")
        found = later_step(State.SUSPENDED, rules, COMPANY)
        assert found is not None
        assert (found.step, found.people) == (Step.BLOCK, 1)
        assert later_step(State.SUSPENDED, policy(), COMPANY) is None

    def test_each_state_lasts_as_its_rung_says(self) -> None:
        rules = policy(
            deadline="{step: restrict_territory, automation: auto}",
            restriction="{step: suspend, after: P30D, automation: held}",
            suspension="{step: block, after: P20D, automation: held, reminders: [P3D]}",
        )
        rungs = {state: rung_of(state, rules) for state in State}
        assert rungs[State.WARNED] is not None
        assert rungs[State.WARNED].lasts == 15 * DAY
        assert rungs[State.RESTRICTED] is not None
        assert rungs[State.RESTRICTED].lasts == 30 * DAY
        assert rungs[State.SUSPENDED] is not None
        assert (rungs[State.SUSPENDED].lasts, rungs[State.SUSPENDED].reminders) == (20 * DAY, (3 * DAY,))
        assert rungs[State.OPEN] is rungs[State.BLOCKED] is rungs[State.CLOSED] is None


@pytest.mark.parametrize(
    ("told", "pinned", "active", "stands"),
    [
        (["CN"], ["DE"], ["DE"], True),
        (["CN"], ["DE"], ["DE", "CN"], False),
        (["CN"], ["DE", "CN"], ["DE"], False),
        (["CN", "RU"], ["DE"], ["DE", "CN"], True),
        ([], ["DE"], ["DE"], True),
    ],
)
def test_a_territory_has_to_be_unsupported_under_both_versions(
    told: list[str], pinned: list[str], active: list[str], stands: bool
) -> None:
    assert still_unsupported(told, Territories(pinned), Territories(active)) is stands
