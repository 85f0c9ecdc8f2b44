"""Advertising, found in the few words that a bank can write by itself: templates, and names in typed data.

A merchant may be called “Best Buy” and a fraud alert has to say so; hence two measures. Phrases that sell are
found everywhere. Words that only a seller needs are found in templates, where no name stands.
"""

import re
import unicodedata
from functools import lru_cache

PROMOTIONAL = "promotional"  # the code of what is wrong
# Letters that look like Latin ones, and digits and signs that are read as letters
_LOOKALIKES = str.maketrans("авеікмнорстухѕјαβεικμνορτυχℓı’‘", "abeikmhopctyxsjabeikmvoptyxli''")
_LEET = str.maketrans("013457@$!", "oieastasi")
_SPELLED = re.compile(r"\b\w([ .\-_*·|])\w\b(?:\1\w\b)+")
_MIXED = re.compile(r"\b(?=\w*[^\W\d_])[\w@$!]*[\d@$!][\w@$!]*")
_PER_CENT = r"\s?(?:%|per ?cent|prozent|por ?ciento|por ?cento|pour ?cent)"
_MONEY = r"(?:[$€£]\s?\d[\d.,]*|\d[\d.,]*\s?(?:[$€£]|usd|eur|gbp|dollars?|euros?|pounds?))"
_GAIN = r"(?:off|discount|bonus|cash ?back|back|voucher|gift ?card|rabatt|nachlass|gutschein|rebaja|extra|more|sconto|korting)"
_NOW = r"(?:now|today|here|online|tonight|yours|instantly)"

_PHRASES = (
    rf"\d{_PER_CENT}\s?(?:de |di |d')?(?:{_GAIN}|descuento|desconto|reduction|remise|sconto|sale)",
    r"\b(?:save|get|earn|win|spare|extra|up to|bis zu|hasta|ate|fino al|jusqu'a|ahorra|economize|"
    rf"risparmia)\s(?:up to |an extra |extra |a |bis zu |hasta )?(?:{_MONEY}|\d+{_PER_CENT})",
    r"(?:^|\s)-\s?\d+\s?%",
    rf"{_MONEY}\s{_GAIN}",
    rf"\b0{_PER_CENT}\s(?:apr|interest|zinsen|intro|finance|financing)",
    r"\b(?:buy|shop|book|apply|join|sign up|subscribe|upgrade|switch|invest|download|claim|redeem|act|"
    r"enrol|enroll|register|grab|order|reserve|trade|bet|play)\s?(?:it |yours |this |them |free |"
    rf"your \w+ )?{_NOW}\b",
    r"\b(?:buy|get) (?:one|1|two|2),? (?:and )?get\b",
    r"\bbogo\b",
    r"\b(?:2|3|two|three) for (?:1|2|one|two)\b",
    r"\bhalf[ -]price\b",
    r"\bprice drop",
    r"\bprices? slashed",
    r"\b(?:limited|limited[ -]time|special|exclusive|amazing|great|unbeatable|hot|last[ -]minute|"
    r"introductory|new|our best|today's) (?:offers?|deals?|discounts?|promotions?|rates?|savings)\b",
    r"\b(?:for a )?limited time\b",
    r"\b(?:do not|don't|dont|never) (?:miss|wait|delay)\b",
    r"\b(?:last|final) (?:chance|hours|days|call)\b",
    r"\bhurry\b",
    r"\bact fast\b",
    r"\bwhile (?:stocks?|supplies|they) last",
    r"\bending soon\b",
    r"\bends (?:soon|today|tonight|at midnight|sunday|tomorrow)\b",
    r"\b(?:today|this week(?:end)?|one day|24 hours|members) only\b",
    r"\bonly (?:today|\d+ left)\b",
    r"\b(?:flash|summer|winter|spring|autumn|mega|clearance|holiday|january|warehouse|closing[ -]down|"
    r"final|big|huge|super|end of season) sale\b",
    r"\bsale (?:is |now |ends|starts|today|on)",
    r"\bon sale\b",
    r"\bblack friday\b",
    r"\bcyber monday\b",
    r"\bdeals? of the (?:day|week)\b",
    r"\bstock up\b",
    r"\b(?:promo|discount|coupon|voucher|bonus|referral|gift) ?codes?\b",
    r"\b(?:use|with|enter|apply) (?:the )?code\b",
    r"\bcode promo\b",
    r"\bgutscheincode",
    r"\bcodigo (?:promocional|de descuento)\b",
    r"\bcodice (?:sconto|promo)",
    r"\b(?:free|complimentary) (?:gifts?|trial|months?|delivery|shipping|upgrade|sample|stuff|money|"
    r"spins?|entry|iphone|quote|coffee|access)\b",
    r"\b(?:absolutely|totally|100\s?%) free\b",
    r"\bfor free\b",
    r"\bfree for (?:a|\d)",
    r"\b(?:you have|you've|you are|you're|you were) (?:been )?(?:won|the winner|a winner|selected|"
    r"chosen|eligible for|pre-?approved|qualified)",
    r"\bcongratulations\b",
    r"\bpre-?approved for\b",
    r"\bwin (?:a|an|big|cash|prizes?|tickets|the)\b",
    r"\benter to win\b",
    r"\bprize draw\b",
    r"\bjackpot\b",
    r"\bgiveaway\b",
    r"\blucky draw\b",
    r"\bclaim your\b",
    r"\bredeem your\b",
    r"\b(?:earn|collect|get|enjoy|double|triple|bonus|extra|unlock|more)\s(?:\w+ )?(?:points|miles|"
    r"rewards|cash ?back|perks|interest)\b",
    r"\bcash ?back on\b",
    r"\brefer (?:a|your) friends?\b",
    r"\binvite (?:a |your )?friends?\b",
    r"\bloyalty (?:bonus|offer)",
    r"\bwelcome bonus\b",
    r"\bsign[ -]?up bonus\b",
    r"\b(?:click|tap|press|swipe|scan) (?:here|now|up|below|the link|this link|to)\b",
    r"\b(?:learn|find out|see|read|discover) more\b",
    r"\bfollow us\b",
    r"\blike and share\b",
    r"\bcheck out (?:our|the|this|these)\b",
    r"\bvisit our\b",
    r"\btry our\b",
    r"\bdiscover our\b",
    r"\bintroducing\b",
    r"\bnow available\b",
    r"\bcoming soon\b",
    r"\bsponsored\b",
    r"\badvertisement\b",
    r"\bask (?:us )?about our\b",
    r"\bshop (?:the|our|all)\b",
    r"\b(?:low(?:est)?|best|great|unbeatable|cheap(?:est)?|record)[ -](?:prices?|rates?|interest|"
    r"deals?|value|mortgages?|loans?)\b",
    r"\b(?:instant|easy|quick|fast|cheap|payday|personal) (?:loans?|cash|credit|approval|mortgages?)\b",
    r"\bno (?:annual fees?|credit check|obligation|hidden fees)\b",
    r"\bloans? (?:from|as low as|at only|available)\b",
    r"\bborrow (?:up to|more)\b",
    r"\bconsolidate your\b",
    r"\brefinance\b",
    r"\bneed (?:cash|money|a loan)\b",
    r"\bopen (?:a|an|your) (?:\w+ )?(?:account|savings|isa)\b",
    r"\brisk[ -]free\b",
    r"\bmoney[ -]back\b",
    r"\bsatisfaction guaranteed\b",
    r"\bguaranteed (?:returns?|approval|profits?|income|winner|to)\b",
    r"\bget rich\b",
    r"\b(?:make|easy|extra|fast) (?:money|income)\b",
    r"\bdouble your\b",
    r"\bpassive income\b",
    r"\bcrypto (?:gains?|profits?|investment)\b",
    r"\bonce in a lifetime\b",
    r"\bbest[ -]?sell(?:er|ing)\b",
    r"\btop rated\b",
    r"\bas seen on\b",
    r"\bcasino\b.{0,12}\bbonus",
    r"\btreat yourself\b",
    r"\byou deserve\b",
    r"\bjust for you\b",
    r"\bexclusive(?:ly)? (?:access|for|to|deal)\b",
    r"\bupgrade to\b",
    r"\bstart (?:saving|earning|investing|winning)\b",
    r"\bsave (?:big|more|money|today|now)\b",
    r"\bbig savings\b",
    r"\bgo (?:premium|gold|platinum)\b",
    r"\bget (?:yours|started|the (?:app|card|new))\b",
    r"\bnew customers\b",
    r"\bspend (?:more|\W?\d+ and)\b",
    r"\bwhy not\b.{0,20}\?",
    r"\blooking for a\b",
    r"\b(?:compra|compre|reserva|reserve|solicita|solicite|pide|pida|contrata|contrate|suscribete|"
    r"registrate|cadastre-se)\s?(?:lo |la |tu \w+ |seu \w+ |su \w+ )?(?:ya|ahora|hoy|aqui|ja|agora|"
    r"hoje)\b",
    r"\bofertas? (?:especial|limitada|exclusiva|imperdivel|de|por|relampago)",
    r"\bno te (?:lo )?pierdas\b",
    r"\bnao perca\b",
    r"\baprovech[ae]",
    r"\baproveite\b",
    r"\b(?:ultimas horas|ultimos dias|solo hoy|so hoje|solo por hoy)\b",
    r"\bhaz clic\b",
    r"\bclique aqui\b",
    r"\b(?:gana|ganhe) (?:un|uma?|hasta|ate|dinero|dinheiro|premios?)",
    r"\b(?:totalmente|envio|frete) gratis\b",
    r"\bde descuento\b",
    r"\bde desconto\b",
    r"\brebajas\b",
    r"\bjetzt (?:\w+ )?(?:kaufen|bestellen|sichern|zugreifen|sparen|anmelden|beantragen|entdecken|"
    r"abschliessen|testen)\b",
    r"\bnur (?:heute|noch|fur kurze zeit)\b",
    r"\b(?:sonder|spitzen|top-?|tages)-?angebot",
    r"\bkostenlos (?:testen|sichern|anmelden)",
    r"\bgratis (?:testen|dazu|sichern|versand)",
    r"\bgewinnen sie\b",
    r"\bletzte chance\b",
    r"\bhier klicken\b",
    r"\bsolange der vorrat",
    r"\bsparen sie\b",
    r"\bgrosse rabatte",
    r"\brabattaktion",
    r"\bgunstige(?:r|n)? kredit",
    r"\bachetez\b",
    r"\bprofitez\b",
    r"\boffres? (?:speciale|exclusive|limitee|du jour|de bienvenue)",
    r"\bcliquez ici\b",
    r"\bgagnez\b",
    r"\bne manquez pas\b",
    r"\bderniers? (?:jours|heures)\b",
    r"\bderniere chance\b",
    r"\bsoldes (?:d'|jusqu|de)",
    r"\b(?:essai|livraison|cadeau) gratuite?\b",
    r"\bdemandez votre (?:carte|credit|pret)",
    r"\bcompra (?:ora|subito)\b",
    r"\bofferta (?:speciale|limitata|esclusiva|lampo)",
    r"\bclicca qui\b",
    r"\bsolo oggi\b",
    r"\bapprofitta",
    r"\bvinci (?:un|subito)",
    r"\bkoop nu\b",
    r"\bbestel nu\b",
    r"\bklik hier\b",
    r"\bkup teraz\b",
    r"\bkliknij tutaj\b",
    r"[\U0001f381\U0001f525\U0001f4b0\U0001f911\U0001f389\U0001f6cd\U0001f4b8\U0001f38a\U0001f973\U0001f4a5]",
    r"!\s*!",
    r"\?\s*!",
    r"\b(?:bit\.ly|tinyurl\.com|t\.co|goo\.gl|wa\.me|t\.me)\b",
)
_SELLING = re.compile("|".join(_PHRASES))
_SELLERS_WORDS = re.compile(
    r"\b(?:offers?|sales?|discount(?:s|ed)?|deals?|bargains?|promo(?:s|tions?|tional)?|free|bonus(?:es)?|cash ?back|win(?:ners?)?|prizes?"
    r"|gifts?|vouchers?|coupons?|exclusive|cheap(?:er|est)?|upgrade|lottery|giveaways?|buy|shop|advert(?:s|ising)?"
    r"|ofertas?|descuentos?|descontos?|promocion(?:es)?|promocao|gratis|regalos?|rebajas?|angebote?|rabatte?|gutscheine?"
    r"|kostenlos|schnappchen|offres?|soldes?|remises?|gratuite?s?|cadeaux?|offert[ae]|sconti?|saldi|gratuit[oaie])\b"
)


@lru_cache(maxsize=4096)  # the same shops come again and again
def find_promotion(text: str, *, is_template: bool = False) -> str:
    """The words in `text` that sell something, or ""; also those spelled out, or in look-alike letters."""
    plain = _plain(text)
    for form in (plain, _MIXED.sub(lambda found: found.group().translate(_LEET), plain)):
        for pattern in (_SELLING, *((_SELLERS_WORDS,) if is_template else ())):
            if found := pattern.search(form):
                return found.group().strip()
    return ""


def _plain(text: str) -> str:
    """Small letters without accents, hidden characters and l e t t e r s apart."""
    whole = unicodedata.normalize("NFKD", text)
    seen = "".join(
        one for one in whole if not unicodedata.combining(one) and unicodedata.category(one) != "Cf"
    )
    plain = " ".join(seen.casefold().translate(_LOOKALIKES).split())
    return _SPELLED.sub(lambda found: re.sub(r"[ .\-_*·|]", "", found.group()), plain)
