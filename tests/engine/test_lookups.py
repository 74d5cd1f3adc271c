"""Lookups: the same rows on both databases."""

import pytest

from sessions_ui.models import Account

UNKNOWN = 10**15


@pytest.fixture
def ids(db: None) -> list[int]:
    return [Account.objects.create(name=f"Account {n}", slug=f"account-{n}").pk for n in range(4)]


class AmongTests:
    @pytest.mark.parametrize("wanted", [[], [0], [0, 1, 3], range(4)])
    def test_finds_what_in_finds(self, wanted: list[int], ids: list[int]) -> None:
        some = [ids[n] for n in wanted] + [UNKNOWN]
        found = Account.objects.filter(pk__among=some)
        assert set(found) == set(Account.objects.filter(pk__in=some))
        assert found.count() == len(wanted)

    def test_leaves_out_what_in_leaves_out(self, ids: list[int]) -> None:
        left = Account.objects.exclude(pk__among=ids[1:])
        assert list(left.values_list("pk", flat=True)) == ids[:1]


@pytest.mark.django_db
class LettersTests:
    @pytest.fixture(autouse=True)
    def _accounts(self) -> None:
        for slug, name in (("oko", "Ökostrom"), ("okonom", "Ökonom"), ("percent", "5% von _")):
            Account.objects.create(name=name, slug=slug)

    @pytest.mark.parametrize("text", ["Ökostrom", "ökostrom", "ÖKOSTROM"])
    def test_are_the_same_in_any_case(self, text: str) -> None:
        assert [account.slug for account in Account.objects.filter(name__same_letters=text)] == ["oko"]

    @pytest.mark.parametrize(
        ("text", "found"), [("öko", ["okonom", "oko"]), ("ÖKOS", ["oko"]), ("kos", []), ("5%", ["percent"]), ("_", [])]
    )
    def test_begin_a_text(self, text: str, found: list[str]) -> None:
        assert [account.slug for account in Account.objects.filter(name__first_letters=text)] == found
