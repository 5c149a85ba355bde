"""A small English-German dictionary with all that inflection has to know: about 220 words on each side.

An English word has one translation in each of its uses, so that what is built of them has one, too.
"""

from dataclasses import dataclass, field

from attnlab.data.synthetic.lexicon import plural, with_s

Pair = tuple[str, str]
"""English, German."""


@dataclass(frozen=True)
class Noun:
    """singular, plurals: English and German. gender: m, f or n. weak: whether -n stands in all cases but the first."""

    singular: Pair
    plurals: Pair
    gender: str
    weak: bool = False

    def german(self, case: str, many: bool) -> str:
        """case: nom, acc or dat."""
        if many:
            word = self.plurals[1]
            return word if case != "dat" or word[-1] in "ns" else word + "n"
        return self.plurals[1] if self.weak and case != "nom" else self.singular[1]


@dataclass(frozen=True)
class Verb:
    """english: the bare form, with what follows it: `pick +up` (picks him up), `look for` (looks for him).

    past: of its first word. prefix: what German separates. The German perfect is made with haben or sein; only
    `simple` verbs have a past in one word instead, by person. objects: what it may be said of. preposition: English and
    German, of its object. case: of its object, or of its German preposition.
    """

    english: str
    past: str
    prefix: str
    infinitive: str
    first: str
    third: str
    auxiliary: str
    participle: str
    objects: tuple[Noun, ...] = ()
    preposition: Pair = ("", "")
    case: str = "acc"
    simple: dict[str, str] = field(default_factory=dict, hash=False)

    def finite(self, person: str) -> str:
        """The German present; person: 1s, 3s, 1p or 3p."""
        return {"1s": self.first, "3s": self.third}.get(person, self.infinitive)

    @property
    def with_zu(self) -> str:
        return f"{self.prefix}zu{self.infinitive}" if self.prefix else f"zu {self.infinitive}"


def nouns(lines: str) -> tuple[Noun, ...]:
    """English, article, German singular and plural; a star marks weak nouns."""
    found = []
    for line in lines.strip().splitlines():
        english, article, german, many = line.split()
        gender = {"der": "m", "die": "f", "das": "n"}[article]
        weak = german.endswith("*")
        several = "policemen" if english == "policeman" else plural(english)
        found.append(Noun((english, german.rstrip("*")), (several, many), gender, weak))
    return tuple(found)


def chosen(of: tuple[Noun, ...], words: str) -> tuple[Noun, ...]:
    """The nouns with these English names."""
    return tuple(noun for noun in of if noun.singular[0] in words.split())


PERSONS = nouns("""
    teacher der Lehrer Lehrer
    doctor der Arzt Ärzte
    cook der Koch Köche
    man der Mann Männer
    brother der Bruder Brüder
    son der Sohn Söhne
    uncle der Onkel Onkel
    friend der Freund Freunde
    baker der Bäcker Bäcker
    boy der Junge* Jungen
    neighbor der Nachbar* Nachbarn
    student der Student* Studenten
    policeman der Polizist* Polizisten
    woman die Frau Frauen
    daughter die Tochter Töchter
    sister die Schwester Schwestern
    aunt die Tante Tanten
    nurse die Krankenschwester Krankenschwestern
    child das Kind Kinder
    girl das Mädchen Mädchen
""")

ANIMALS = nouns("""
    dog der Hund Hunde
    bird der Vogel Vögel
    cat die Katze Katzen
    cow die Kuh Kühe
    horse das Pferd Pferde
""")

THINGS = nouns("""
    table der Tisch Tische
    chair der Stuhl Stühle
    letter der Brief Briefe
    key der Schlüssel Schlüssel
    apple der Apfel Äpfel
    coat der Mantel Mäntel
    hat der Hut Hüte
    suitcase der Koffer Koffer
    ball der Ball Bälle
    cake der Kuchen Kuchen
    lamp die Lampe Lampen
    newspaper die Zeitung Zeitungen
    bag die Tasche Taschen
    flower die Blume Blumen
    clock die Uhr Uhren
    door die Tür Türen
    bottle die Flasche Flaschen
    guitar die Gitarre Gitarren
    book das Buch Bücher
    car das Auto Autos
    house das Haus Häuser
    picture das Bild Bilder
    window das Fenster Fenster
    bicycle das Fahrrad Fahrräder
    shirt das Hemd Hemden
    knife das Messer Messer
    glass das Glas Gläser
    radio das Radio Radios
""")

ROOMS = nouns("""
    garden der Garten Gärten
    kitchen die Küche Küchen
    office das Büro Büros
    restaurant das Restaurant Restaurants
    museum das Museum Museen
""")  # one goes into them

REGIONS = nouns("""
    park der Park Parks
    forest der Wald Wälder
    city die Stadt Städte
    village das Dorf Dörfer
""")  # one goes or drives into them

GOALS = nouns("""
    station der Bahnhof Bahnhöfe
    lake der See Seen
    market der Markt Märkte
    church die Kirche Kirchen
    school die Schule Schulen
    hospital das Krankenhaus Krankenhäuser
""")  # one goes or drives to them

AT: dict[str, Pair] = {
    noun.singular[0]: ("in", "in") for noun in (*ROOMS, *REGIONS, *chosen(GOALS, "church hospital"))
} | {"station": ("at", "an"), "lake": ("at", "an"), "market": ("at", "auf"), "school": ("at", "in")}
"""How one says that something is there; in German with the dative."""

BESIDE: tuple[Pair, ...] = (("behind", "hinter"), ("in front of", "vor"), ("next to", "neben"))
BUILDINGS = chosen(GOALS, "station church school hospital") + chosen(ROOMS, "restaurant museum")

HANDY = chosen(THINGS, "letter key apple hat ball newspaper bag flower bottle book picture knife glass")
GOODS = tuple(noun for noun in THINGS if noun.singular[0] not in ("door", "window"))


def verbs(lines: str, objects: tuple[Noun, ...] = (), case: str = "acc") -> tuple[Verb, ...]:
    """English; its past; German infinitive, `prefix|` before it; forms after ich and er; hat or ist; participle.

    Behind a bar: the names of what it may be said of, or the prepositions of its object and the case.
    """
    found = []
    for line in lines.strip().splitlines():
        forms, _, rest = line.partition(" | ")
        english, past, german, first, third, auxiliary, participle = (
            part.replace("_", " ") for part in forms.split()
        )
        prefix, _, infinitive = german.rpartition("|")
        own, preposition, its_case = objects, ("", ""), case
        if rest.startswith("+"):
            mine, theirs, its_case = rest[1:].split()
            preposition = (mine, theirs)
        elif rest:
            own = chosen(THINGS + ROOMS, rest)
        found.append(
            Verb(
                english, past, prefix, infinitive, first, third, auxiliary, participle, own, preposition, its_case
            )
        )
    return tuple(found)


ACTIVITIES = verbs("""
    sleep slept schlafen schlafe schläft hat geschlafen
    work worked arbeiten arbeite arbeitet hat gearbeitet
    laugh laughed lachen lache lacht hat gelacht
    sing sang singen singe singt hat gesungen
    dance danced tanzen tanze tanzt hat getanzt
    cook cooked kochen koche kocht hat gekocht
    play played spielen spiele spielt hat gespielt
    cry cried weinen weine weint hat geweint
    swim swam schwimmen schwimme schwimmt ist geschwommen
""")

CHANGES = verbs("""
    get_up got auf|stehen stehe steht ist aufgestanden
    arrive arrived an|kommen komme kommt ist angekommen
    fall_asleep fell ein|schlafen schlafe schläft ist eingeschlafen
    wake_up woke auf|wachen wache wacht ist aufgewacht
    come_back came zurück|kommen komme kommt ist zurückgekommen
    leave left ab|fahren fahre fährt ist abgefahren
    stop stopped auf|hören höre hört hat aufgehört
""")

GOING = verbs(
    """
    walk walked gehen gehe geht ist gegangen
    run ran laufen laufe läuft ist gelaufen
    come came kommen komme kommt ist gekommen
    """,
    ROOMS + REGIONS + GOALS,
) + verbs("drive drove fahren fahre fährt ist gefahren", REGIONS + GOALS)

WITH_THINGS = verbs(
    """
    buy bought kaufen kaufe kauft hat gekauft
    sell sold verkaufen verkaufe verkauft hat verkauft
    find found finden finde findet hat gefunden
    look_for looked suchen suche sucht hat gesucht
    need needed brauchen brauche braucht hat gebraucht
    bring_+back brought zurück|bringen bringe bringt hat zurückgebracht
    paint painted malen male malt hat gemalt | picture flower house bottle apple
    write wrote schreiben schreibe schreibt hat geschrieben | letter book
    read read lesen lese liest hat gelesen | book newspaper letter
    clean cleaned putzen putze putzt hat geputzt | table window lamp kitchen bicycle car
    repair repaired reparieren repariere repariert hat repariert | car bicycle clock lamp radio chair door
    carry carried tragen trage trägt hat getragen | suitcase bag table chair bottle
    wear wore tragen trage trägt hat getragen | coat hat shirt
    take_+off took aus|ziehen ziehe zieht hat ausgezogen | coat shirt
    eat ate essen esse isst hat gegessen | apple cake
    open opened auf|machen mache macht hat aufgemacht | door window suitcase bag bottle letter
    close closed zu|machen mache macht hat zugemacht | door window suitcase bag
    turn_+on turned an|machen mache macht hat angemacht | lamp radio
    turn_+off turned aus|machen mache macht hat ausgemacht | lamp radio
    tidy_+up tidied auf|räumen räume räumt hat aufgeräumt | kitchen office
    """,
    GOODS,
) + verbs(
    """
    lose lost verlieren verliere verliert hat verloren
    forget forgot vergessen vergesse vergisst hat vergessen
    throw_+away threw weg|werfen werfe wirft hat weggeworfen
    take_+along took mit|nehmen nehme nimmt hat mitgenommen
    """,
    HANDY,
)

WITH_PERSONS = verbs(
    """
    see saw sehen sehe sieht hat gesehen
    know knew kennen kenne kennt hat gekannt
    love loved lieben liebe liebt hat geliebt
    visit visited besuchen besuche besucht hat besucht
    greet greeted grüßen grüße grüßt hat gegrüßt
    hear heard hören höre hört hat gehört
    ask asked fragen frage fragt hat gefragt
    call called an|rufen rufe ruft hat angerufen
    pick_+up picked ab|holen hole holt hat abgeholt
    invite invited ein|laden lade lädt hat eingeladen
    look_at looked an|sehen sehe sieht hat angesehen
    """,
    PERSONS,
) + verbs(
    """
    help helped helfen helfe hilft hat geholfen
    thank thanked danken danke dankt hat gedankt
    follow followed folgen folge folgt ist gefolgt
    answer answered antworten antworte antwortet hat geantwortet
    trust trusted vertrauen vertraue vertraut hat vertraut
    listen_to listened zu|hören höre hört hat zugehört
    """,
    PERSONS,
    "dat",
)

GIVING = verbs(
    """
    give gave geben gebe gibt hat gegeben
    show showed zeigen zeige zeigt hat gezeigt
    send sent schicken schicke schickt hat geschickt
    bring brought bringen bringe bringt hat gebracht
    """,
    HANDY,
)

ABOUT = verbs(
    """
    wait waited warten warte wartet hat gewartet | +for auf acc
    think thought denken denke denkt hat gedacht | +of an acc
    talk talked sprechen spreche spricht hat gesprochen | +about über acc
    talk talked sprechen spreche spricht hat gesprochen | +with mit dat
    dream dreamed träumen träume träumt hat geträumt | +of von dat
    """,
    PERSONS,
)

SAYING = verbs("""
    say said sagen sage sagt hat gesagt
    believe believed glauben glaube glaubt hat geglaubt
    know knew wissen weiß weiß hat gewusst
    hope hoped hoffen hoffe hofft hat gehofft
""")
(ASKING,) = verbs("ask asked fragen frage fragt hat gefragt")

BE = Verb("be", "was", "", "sein", "bin", "ist", "ist", "gewesen",
          simple={"1s": "war", "3s": "war", "1p": "waren", "3p": "waren"})  # fmt: skip
HAVE = Verb("have", "had", "", "haben", "habe", "hat", "hat", "gehabt", ANIMALS + GOODS,
            simple={"1s": "hatte", "3s": "hatte", "1p": "hatten", "3p": "hatten"})  # fmt: skip
BE_PRESENT = {"1s": ("am", "bin"), "3s": ("is", "ist"), "1p": ("are", "sind"), "3p": ("are", "sind")}


@dataclass(frozen=True)
class Modal:
    """A verb before an infinitive: English, and German after ich and er, and of several."""

    english: str
    first: str
    third: str
    several: str

    def finite(self, person: str) -> str:
        return {"1s": self.first, "3s": self.third}.get(person, self.several)


MODALS = (
    Modal("can", "kann", "kann", "können"), Modal("must", "muss", "muss", "müssen"),
    Modal("should", "soll", "soll", "sollen"), Modal("want to", "will", "will", "wollen"),
)  # fmt: skip
FUTURE = Modal("will", "werde", "wird", "werden")


@dataclass(frozen=True)
class Adjective:
    """pair: as a predicate. stem: what German endings are joined to."""

    pair: Pair
    stem: str


def adjectives(words: str) -> tuple[Adjective, ...]:
    found = []
    for word in words.split():
        english, german, *stem = word.split(":")
        found.append(Adjective((english, german), stem[0] if stem else german))
    return tuple(found)


OF_PERSONS = adjectives("""
    old:alt young:jung tall:groß small:klein friendly:freundlich tired:müde:müd sick:krank happy:glücklich
    sad:traurig clever:klug poor:arm rich:reich hungry:hungrig
""")
OF_THINGS = adjectives("""
    old:alt new:neu small:klein big:groß beautiful:schön expensive:teuer:teur cheap:billig heavy:schwer red:rot
    blue:blau green:grün black:schwarz white:weiß
""")
OF_PLACES = adjectives("old:alt new:neu small:klein big:groß beautiful:schön quiet:ruhig dark:dunkel:dunkl")
COMPARED: tuple[Pair, ...] = (
    ("older", "älter"), ("younger", "jünger"), ("taller", "größer"), ("smaller", "kleiner"), ("richer", "reicher"),
    ("poorer", "ärmer"), ("happier", "glücklicher"),
)  # fmt: skip

ANY_TIME: tuple[Pair, ...] = (
    ("today", "heute"), ("on Monday", "am Montag"), ("on Sunday", "am Sonntag"), ("in the evening", "am Abend"),
)  # fmt: skip
TIMES: dict[str, tuple[Pair, ...]] = {
    "present": (*ANY_TIME, ("now", "jetzt")),
    "past": (*ANY_TIME, ("yesterday", "gestern"), ("last week", "letzte Woche")),
    "modal": (*ANY_TIME, ("tomorrow", "morgen"), ("soon", "bald")),
}
FREQUENCIES: tuple[Pair, ...] = (
    ("often", "oft"), ("always", "immer"), ("never", "nie"), ("sometimes", "manchmal"), ("rarely", "selten"),
)  # fmt: skip
MANNERS: tuple[Pair, ...] = (
    ("alone", "allein"),
    ("quietly", "leise"),
    ("at home", "zu Hause"),
    ("for a long time", "lange"),
)

NAMES = "Anna Maria Lena Julia Peter Paul Max Tom".split()


def english_third(verb: Verb) -> str:
    """`looks for`: the form after he and she."""
    word, *rest = verb.english.split()
    return " ".join(["has" if word == "have" else with_s(word), *rest])


def english_past(verb: Verb) -> str:
    return " ".join([verb.past, *verb.english.split()[1:]])
