"""Advertising cannot be expressed: not in wording, not in a field of the data; and every try is in the trail."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consents.records import Account
from notifications.models import Delivery
from notifications.promotion import find_promotion
from notifications.serializers import EXAMPLES
from notifications.starters import STARTERS
from notifications.template_reading import sample_of
from notifications.wording import find_wording_errors
from partners.clusters import SENDABLE, Cluster
from portal.demo.world import make_customer, make_person
from portal.tenancy.context import scope
from tests.conftest import PASSWORD

from .conftest import LIST, SYSTEM, text_of, trail

SELLING = tuple(
    line.strip()
    for line in """
    Buy now
    Shop now
    Order now
    Book now
    Apply now
    Apply today
    Join today
    Sign up now
    Subscribe today
    Upgrade now
    Switch today
    Invest today
    Download now
    Claim it now
    Redeem yours now
    Act now
    Register today
    Grab yours now
    Trade now
    Play now
    Buy one get one
    BOGO week
    2 for 1 on shoes
    Two for one dinners
    Half price shoes
    Price drop on phones
    Prices slashed
    50% off
    20 % off everything
    30 percent off
    Save 20%
    Save up to 40%
    Save $50
    Get $100
    Get 10% extra
    Earn 5% cashback
    Up to 70% reduced
    Extra 15% at checkout
    -30% on everything
    $25 off
    €10 bonus
    £20 voucher
    100 USD cashback
    0% APR
    0% interest for a year
    0% finance on cars
    Limited offer
    Limited time only
    For a limited time
    Special offer
    Exclusive offer
    Amazing deals
    Great deals on TVs
    Unbeatable deals
    Hot deals
    Last minute offers
    Introductory rate
    New offer for cardholders
    Today's deals
    Our best rates
    Don't miss it
    Do not miss this
    Don't wait
    Never miss a bargain
    Last chance
    Final hours
    Final days
    Hurry
    Act fast
    While stocks last
    While supplies last
    Ending soon
    Ends tonight
    Ends at midnight
    Today only
    This weekend only
    Members only
    Only 3 left
    Flash sale
    Summer sale
    Winter sale is here
    Mega sale
    Clearance sale
    Sale now on
    Sale ends Friday
    Now on sale
    Black Friday
    Cyber Monday
    Deal of the day
    Stock up
    Promo code SAVE10
    Discount code inside
    Coupon code 1234
    Use code SPRING
    With code WELCOME
    Enter code GOLD
    Gift code 99
    Free gift
    Free trial
    Free month
    Free delivery
    Free shipping
    Complimentary upgrade
    Free spins
    Free iPhone
    Absolutely free
    Totally free
    Yours for free
    Free for a year
    You have won
    You've won
    You are the winner
    You have been selected
    You were chosen
    You are pre-approved
    Congratulations
    Pre-approved for gold
    Win a car
    Win big
    Win cash
    Enter to win
    Prize draw
    Jackpot
    Giveaway
    Lucky draw
    Claim your prize
    Redeem your reward
    Earn points
    Collect miles
    Double points
    Bonus rewards
    Extra cashback
    Unlock rewards
    Cashback on groceries
    Refer a friend
    Invite your friends
    Welcome bonus
    Sign-up bonus
    Click here
    Tap here
    Swipe up
    Learn more
    Find out more
    See more
    Discover more
    Follow us
    Like and share
    Check out our cards
    Visit our shop
    Try our new card
    Discover our funds
    Introducing gold
    Now available
    Coming soon
    Sponsored
    Advertisement
    Ask about our loans
    Shop all shoes
    Low rates
    Lowest prices
    Best price
    Great value
    Cheap loans
    Instant loan
    Easy cash
    Personal loan from 3%
    No annual fee
    No credit check
    Borrow up to 5000
    Consolidate your debts
    Refinance
    Need cash
    Open a savings account
    Risk-free
    Money back
    Satisfaction guaranteed
    Guaranteed returns
    Get rich
    Make money
    Double your money
    Passive income
    Crypto profits
    Once in a lifetime
    Bestselling fund
    Treat yourself
    You deserve it
    Just for you
    Exclusive access
    Upgrade to platinum
    Start saving
    Start investing
    Save big
    Big savings
    Go premium
    Get started
    New customers
    Compra ahora
    Solicita tu tarjeta hoy
    Oferta especial
    No te lo pierdas
    Aprovecha
    Haz clic
    Gana un premio
    20 % de descuento
    Solo hoy
    Compre agora
    Aproveite
    Clique aqui
    Frete gratis
    Jetzt kaufen
    Jetzt Kredit beantragen
    Nur heute
    Sonderangebot
    Gewinnen Sie
    Letzte Chance
    Hier klicken
    Sparen Sie
    30 Prozent Rabatt
    Achetez
    Profitez
    Offre spéciale
    Cliquez ici
    Livraison gratuite
    Dernière chance
    Compra ora
    Offerta speciale
    Clicca qui
    Approfitta
    Koop nu
    Kup teraz
    B.u.y n.o.w
    F R E E gift
    ＢＵＹ ＮＯＷ
    Вuy now
    Bu\u200by now
    d1scount c0de
    W1n a car
    BÜY NOW
    Shoes 🎁
    Wow!!
    bit.ly/x
    """.splitlines()
    if line.strip()
)
# Real merchants, carriers and references that only look like it
HONEST = (
    "Best Buy", "Free People", "Dollar General", "Discount Tire", "Sale e Pepe", "Gift Card Granny", "Bonus Market",
    "Yahoo!", "Deliveroo", "Bargain Booze", "Deals Direct", "Save the Children", "Get Your Guide", "Winners", "Win-Mart",
    "Coop Pronto", "Aldi Süd", "Now TV", "Today Coffee", "Shoppers Drug Mart", "Amazon.com", "AT&T", "7-Eleven",
    "Lidl", "Free", "Prime Video", "Gratis Internetcafe", "Promod", "Offer Up", "Click & Collect", "Book Depository",
    "Apple.com/bill", "O'Reilly", "Restaurant Rabattl", "Rewe", "Jumbo", "ÖBB", "R-2041", "1Z 999 AA1 01 2345 6784",
    "F-1187", "Corner Bakery", "Night Electronics", "Zalando SE", "Marks & Spencer", "Bet365", "Casino Supermarché",
    "Order 66", "Case 12 / B", "Apply Pay Ltd", "Money Gram",
)  # fmt: skip
FIELDS = [
    (cluster, path)
    for cluster, paths in {
        "TRANSACTIONS": ["merchant"],
        "RECEIPTS": ["merchant", "reference", "items"],
        "SHIPMENTS": ["merchant", "carrier", "tracking_number"],
        "FRAUD_ALERTS": ["merchant", "case"],
    }.items()
    for path in paths
]


def test_there_are_two_hundred_and_no_two_are_alike() -> None:
    assert len(set(SELLING)) == len(SELLING) >= 200
    assert {one.value for one in SENDABLE} - {cluster for cluster, _ in FIELDS} == {
        "BALANCES",
        "ACCOUNT_SERVICING",
    }, "these have no free text"


@pytest.mark.parametrize("words", SELLING)
def test_words_that_sell_are_found(words: str) -> None:
    assert find_promotion(words)
    assert find_promotion(f"Corner shop - {words}")
    body = f"{words}. You have {{{{ available }}}} on {{{{ account }}}} now."
    assert "promotional" in {error.code for error in find_wording_errors("BALANCES", body)}


@pytest.mark.parametrize("name", HONEST)
def test_honest_names_pass(name: str) -> None:
    assert find_promotion(name) == ""


@pytest.mark.parametrize("starter", STARTERS, ids=lambda one: one.name)
def test_examples_keep_to_the_rules(starter: Any) -> None:
    assert find_wording_errors(starter.cluster, starter.body) == []


@given(
    st.sampled_from(SELLING),
    st.sampled_from(["", " ", "\u200b", "xyz "]),
    st.sampled_from([str.upper, str.title, str]),
)
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_neither_case_nor_hidden_letters_help(words: str, between: str, change: Any) -> None:
    assert find_promotion(between + change(words))


@pytest.mark.parametrize(("cluster", "name"), FIELDS)
def test_none_of_them_is_ever_delivered_and_each_is_in_the_trail(
    api: Any, world: Any, cluster: str, name: str
) -> None:
    make_customer(
        world.bank,
        customer_ref="CUST-9",
        address="2009",
        accounts=[Account("acc-4821-1", "•• 4821", "Current account")],
        clusters=[one.value for one in SENDABLE],
        person=make_person("all@people.example", "Al Lowe", PASSWORD),
    )
    template = EXAMPLES[cluster]["template"]
    assert api.send(template, mine(cluster), customer_ref="CUST-9").status_code == 202, "all else is right"
    for words in SELLING[:: 1 if name == "merchant" else 20]:
        data = with_words(cluster, name, words)
        answer = api.send(template, data, customer_ref="CUST-9")
        [error] = answer.json()["errors"]
        assert (answer.status_code, answer.json()["code"], error["code"]) == (
            422,
            "invalid_data",
            "promotional",
        ), words
        assert error["pointer"].startswith(f"/data/{name}")
    with scope(SYSTEM):
        assert Delivery.objects.count() == 1
    noted = trail("promotion.refused")
    assert len(noted) == len(SELLING[:: 1 if name == "merchant" else 20])
    assert {kind for kind, _ in noted} == {"client"}
    assert not any(set(data) - {"pointer"} for _, data in noted), "never the words"


def mine(cluster: str) -> Any:
    """An example's data, of the customer's own account."""
    data = copy.deepcopy(sample_of(Cluster(cluster)))
    return {**data, "account": "acc-4821-1"} if "account" in data else data


def with_words(cluster: str, name: str, words: str) -> Any:
    """An example's data with those words in one field."""
    data = mine(cluster)
    if name == "items":
        data["items"][0]["name"] = words
    else:
        data[name] = words
    return data


def test_refused_wording_is_in_the_trail_from_the_api_and_the_page(api: Any, owner: Any) -> None:
    body = "Buy now, while you have {{ available }} left."
    wording = {"name": "news", "cluster": "BALANCES", "locale": "en", "body": body}
    assert api.post("/templates", wording).json()["code"] == "invalid_wording"
    assert "Wording may not advertise" in text_of(owner.post(f"{LIST}/add", wording))
    assert trail("promotion.refused") == [("client", {"pointer": "/body"}), ("member", {"pointer": "/body"})]
    assert api.get("/templates/news").status_code == 404
