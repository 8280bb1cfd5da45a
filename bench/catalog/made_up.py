"""Made-up products: titles, summaries and operations put together from a few hundred words in three languages."""

from datetime import datetime
from random import Random
from typing import Any

from chassis.ids import new_id
from services.catalog.products.domain import (
    Api,
    Description,
    Product,
    ProductText,
    Sensitivity,
)
from services.catalog.products.lives import Version, VersionStatus
from services.catalog.products.plans import Plan, read_terms
from services.catalog.texts.domain import Language

_WORDS = {
    "EN": """account address agreement application archive balance bank boundary branch budget building business calendar card
        certificate client company contract country course credit customs data declaration delivery deposit document education
        election employment energy environment exchange export family farm finance forest fuel grant harbour health hospital
        import income insurance invoice judge land law library licence loan map market measure medicine member meter mortgage
        museum notary number observation office order owner parcel park passport patent patient payment pension permit person
        pharmacy plan police population port post price project property protection purchase rate register rent report research
        risk river road school sector service ship signature station statistics stock street student support survey tax teacher
        traffic train transfer transport trust university vehicle village visa vote water weather weight worker""",
    "LV": """adrese apdrošināšana arhīvs atļauja banka bibliotēka budžets būve celtniecība ceļš dati deklarācija dokuments
        eksports enerģija finanses grāmata grozījums īpašums izglītība iedzīvotājs iepirkums izziņa jūra kadastrs karte kods konts
        kredīts kuģis laiks licence līgums likums maksājums mērījums mežs muita nodoklis noliktava novads objekts osta pabalsts
        pakalpojums pārskats pase pasts patents pensija persona pilsēta policija projekts reģistrs rēķins robeža sertifikāts skola
        slimnīca statistika tiesa tirgus transports ūdens uzņēmums valsts veselība vide vieta zāles zeme ziņa žurnāls""",
    "RU": """адрес аптека аренда архив банк библиотека больница бюджет вода выписка город граница грант данные декларация договор
        документ дорога доход журнал заказ закон запрос заявление земля измерение имущество импорт источник кадастр карта книга
        кредит лес лекарство лицензия налог недвижимость образование объект отчёт паспорт патент пенсия платёж погода пособие порт
        почта предприятие проект работник регистр реестр рынок сведения свидетельство сделка собственность справка статистика
        страхование строительство судно счёт тариф транспорт услуга участок учёба школа экспорт энергия""",
}
WORDS = {language: words.split() for language, words in _WORDS.items()}
_TAGS = ["registers", "finance", "transport", "health", "education", "environment", "statistics", "trade", "land", "law"]
_TERMS = {
    "name": "Basic", "rate_requests": 10, "rate_seconds": 1, "burst": 20, "quota_calls": None, "quota_period": None,
    "approval": "AUTOMATIC",
}  # fmt: skip


def word_of(language: str, random: Random) -> str:
    """Return a word of the catalogue."""
    return random.choice(WORDS[language])


def _phrase(random: Random, language: str, length: int) -> str:
    return " ".join(random.choices(WORDS[language], k=length)).capitalize()


def made_up_product(number: int, moment: datetime) -> Product:
    """Return a public product with one version; the same number gives the same words."""
    random = Random(number)  # noqa: S311 - words of a made-up product
    translations = tuple(
        ProductText(language, _phrase(random, language.value, 3), _phrase(random, language.value, 15))
        for language in (Language.LV, Language.RU)
    )
    description = Description(
        title=f"{_phrase(random, 'EN', 3)} {number}",
        summary=_phrase(random, "EN", 20),
        tags=tuple(random.sample(_TAGS, 3)),
        sensitivity=random.choice([Sensitivity.OPEN_TEST, Sensitivity.STANDARD]),
        sensitivity_kinds=(),
        prerequisites=(),
        translations=translations,
    )
    version = Version(new_id("ver"), "v1", VersionStatus.PUBLISHED, "3.0.3", 10, moment)
    return Product(
        id=new_id("prd"),
        organization_id=f"org_{number % 200}",
        slug=f"product-{number}",
        description=description,
        created_at=moment,
        plans=(Plan(new_id("pln"), read_terms(_TERMS)),),
        apis=(Api(new_id("api"), "api", "Api", (version,)),),
    )


def made_up_operations(number: int, many: int) -> list[dict[str, Any]]:
    """Return the operations of a product's version."""
    random = Random(-number)  # noqa: S311 - words of made-up operations
    rows = []
    for _ in range(many):
        verb, noun, other = random.choice(["get", "list", "create", "find"]), word_of("EN", random), word_of("EN", random)
        rows.append(
            {
                "operation_id": f"{verb}{noun.capitalize()}By{other.capitalize()}",
                "path": f"/{noun}s/{{{other}}}",
                "summary": f"{verb.capitalize()} the {noun} of a {other}",
                "tags": [noun],
            }
        )
    return rows
