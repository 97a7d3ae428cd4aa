"""`seed` makes a population where nobody is harmed by it, beside whatever is there."""

import io
import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Max

from enforcement.models import Account, Case, DayTally, Evidence, PolicyVersion
from enforcement.services import clock
from examples.population import Population
from tests.conftest import SMALL_POLICY

pytestmark = pytest.mark.django_db

FEW = ("seed", "--accounts=12", "--items=4")


def run(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        call_command(*arguments, stdout=io.StringIO(), stderr=io.StringIO())
    assert error.value.returncode == 2
    return str(error.value)


def test_an_account_is_the_same_whatever_stands_beside_it() -> None:
    today = date(2026, 7, 9)
    many = {each.account["external_id"]: each for each in Population(7, today).residents(1, 40)}
    assert [*Population(7, today).residents(30, 30)] == [many["seed-7-0000030"]]
    assert next(Population(8, today).residents(30, 30)).items != many["seed-7-0000030"].items


def test_it_stands_beside_what_is_there_and_takes_its_policy(activate: Any, account_at_home: Account) -> None:
    version = activate(SMALL_POLICY)
    run(*FEW, "--stories=1")
    run(*FEW, "--stories=1", "--seed=2")
    assert Account.objects.count() == 25
    assert PolicyVersion.objects.get() == version
    assert set(Case.objects.values_list("policy", flat=True)) == {version.pk}


def test_the_same_seed_again_is_refused() -> None:
    run(*FEW)
    assert "seed 1 is here already" in refused(*FEW)
    assert Account.objects.count() == 12


def test_it_is_refused_where_customers_could_be(settings: Any) -> None:
    settings.DEBUG = settings.TEST_CLOCK = False
    assert "ENFORCEMENT_TEST_CLOCK" in refused(*FEW)
    assert not Account.objects.exists()
    settings.DEBUG = True
    assert run(*FEW)["accounts"] == 12


@pytest.mark.parametrize("wrong", ["--accounts=0", "--items=-1", "--stories=1.5"])
def test_sizes_that_mean_nothing_are_refused(wrong: str) -> None:
    assert wrong.split("=")[0] in refused(*FEW, wrong)


def test_its_day_is_that_of_the_test_clock() -> None:
    now = clock.advance(timedelta(days=-400))
    run(*FEW)
    assert Evidence.objects.aggregate(at=Max("received_at"))["at"] <= now
    assert DayTally.objects.aggregate(day=Max("day"))["day"] < now.date()
