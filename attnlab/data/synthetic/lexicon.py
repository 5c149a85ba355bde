"""English word lists and the morphology that turns some nine hundred stems into thousands of word forms.

A form may stand in several lists: ``cook`` is a verb and a noun, ``open`` an adjective and a verb, ``saw``
a tool and the past of *see*. Such forms are what a tagger has to resolve.
"""

import re

PERSONS = """
    teacher baker farmer sailor king queen child woman man girl boy doctor lawyer painter singer dancer writer
    poet priest soldier waiter butcher barber tailor gardener hunter thief ghost giant princess prince dragon
    wizard uncle aunt sister brother cousin grandmother grandfather neighbor stranger scientist student
    professor musician actor nephew niece widow knight pirate tourist dentist chemist mayor minister president
    emperor duke duchess monk nun clerk plumber engineer astronaut detective inspector captain sergeant banker
    miner potter shepherd weaver merchant librarian historian magician acrobat juggler goblin witch vampire
    robot twin orphan hermit beggar fisherman
""".split()

THINGS = """
    table chair window door lamp letter violin piano trumpet guitar apple onion carrot potato tomato candle
    mirror basket bottle cup plate kettle spoon fork knife blanket pillow carpet curtain clock painting building
    drawing hat coat jacket glove scarf shoe sock boot shirt button needle ladder bucket broom shovel wheel
    engine wagon bicycle boat canoe raft kite balloon puppet doll marble crown sword shield helmet arrow cannon
    diamond pearl ruby emerald necklace bracelet newspaper magazine novel poem dictionary envelope parcel
    suitcase wallet purse umbrella telescope microscope camera radio television computer keyboard calendar diary
    pencil crayon statue vase jar jug teapot napkin towel sponge pie cake biscuit pancake sandwich sausage
    omelette pumpkin cabbage cucumber lemon melon cherry banana peach pear plum walnut almond dog cat horse cow
    goat pig rabbit mouse rat lion tiger elephant monkey camel donkey wolf squirrel hedgehog badger otter beaver
    eagle owl parrot pigeon sparrow swan goose chicken frog turtle lizard snake spider beetle butterfly ant
    snail worm crab lobster whale dolphin shark penguin kangaroo panda zebra giraffe saw can will rose leaf loaf
    tooth foot ox shelf box fox brush dish glass bus piece
""".split()

PLACES = """
    river town village city forest garden house castle tower bridge valley mountain hill lake ocean island
    desert cave meadow barn stable kitchen library museum theater hospital factory office prison palace temple
    church chapel cathedral monastery harbor lighthouse station airport street road lane bakery tavern hotel
    cottage cabin tent attic cellar balcony terrace corridor hallway bedroom bathroom school
    laboratory observatory cemetery vineyard orchard canyon volcano glacier waterfall swamp jungle beach cliff
    warehouse stadium well
""".split()

EVENTS = """
    party concert wedding funeral festival storm war election lecture lesson ceremony banquet meeting opera
    tournament harvest holiday thunderstorm revolution coronation exhibition conference dinner breakfast picnic
""".split()

HERDS = """
    sheep fish deer salmon trout bison moose squid shrimp cod elk swine
""".split()  # one form for one and for many

COUNTABLE = """
    fly cook plant watch dream dance swim walk run jump drink climb laugh smile shout call ride race sail drive
    turn stop start fall slip talk fight play work paint ship trade bet hope vote guide whistle drum joke clown
    ring sneeze cough sigh yawn howl bark march move rest stand cry lie fear change return delay protest debate
    design study worry snore gamble guess murmur hike hunt hop cycle sketch flirt giggle whisper grumble scream
    kick struggle stumble tremble visit answer cheat scout spy pilot tour doubt stroll
""".split()  # noun and verb without object; plural = third person

UNCOUNTABLE = """
    work love change play rest dance travel sleep hope trade talk study rain snow fish paint fear doubt care
    help exercise practice research worry drink smoke steam progress delay return reform protest debate design
    rust rot hunger thirst speed trust waste labor worship gossip murder sin battle reason water cheer profit
""".split()  # noun without article and verb without object

HANDLED = """
    book watch water plant paint mail ship phone photograph film cook guide iron brush comb trap cage love fear
    need hammer polish label stamp park lock paddle name map record value question study hunt visit answer help
    lift light test
""".split()  # noun and verb with object

ACTIONS = """
    admire adore borrow bring build buy carry choose clean collect cover create defend deliver describe destroy
    discover draw dry empty enjoy examine explain explore find follow free give greet hear hide ignore
    imagine improve inherit inspect invent keep kill know lead like lose make mention notice obey observe open
    order own pay  prepare preserve protect prove push read receive recommend refuse reject remember
    remove repeat replace respect reveal see sell send shake show sing steal sweep take teach throw tickle touch
    trust understand wake warm wash wear win write break calm cool eat grow
""".split()  # verb with object

EVENTUALITIES = """
    appear arrive vanish wait listen agree depart disappear hesitate exist succeed emerge kneel weep complain
    apologize collapse escape faint improvise meditate migrate multiply nod perish pray relax retire
    shiver shrink sit snooze sparkle starve surrender survive thrive wander wobble yodel die rise
""".split()  # verb without object and never a noun

LIKENING = ["compare", "liken", "relate", "adapt", "expose", "dedicate"]  # something *to* something
URGING = ["persuade", "invite", "allow", "tell", "encourage", "expect"]  # someone *to* do something

ADJECTIVES = """
    old young small big tall tiny huge quiet loud bright dark cold strange clever foolish brave gentle polite
    rude proud humble lazy happy sad angry nervous curious famous ancient modern elegant ugly beautiful
    lovely wooden golden silver purple yellow orange brown grey blue red green white black heavy soft rough
    smooth sharp flat round narrow wide deep shallow thick thin sweet bitter sour salty fresh rotten hungry
    thirsty sleepy weary noisy silent secret mysterious magical royal poor rich generous greedy jealous cruel
    kind friendly hostile cheerful gloomy peaceful violent dangerous safe careful careless graceful clumsy
    patient eager serious comical ridiculous splendid marvelous terrible horrible awful pleasant delightful
    charming boring fascinating enormous gigantic slender sturdy fragile broken crooked dusty muddy rusty shiny
    sunny cloudy windy rainy snowy foggy frozen distant nearby foreign local private public ordinary unusual
    rare common perfect open clean dry warm empty calm free cool light fast hard early late straight
""".split()

JUDGEMENTS = """
    clear obvious odd certain likely remarkable regrettable surprising evident doubtful
""".split()

ADVERBS = """
    quiet loud bright strange clever foolish brave gentle polite rude proud humble honest lazy happy sad angry
    nervous curious elegant beautiful heavy soft rough smooth sharp deep sweet bitter hungry thirsty sleepy
    weary noisy silent secret mysterious generous greedy jealous cruel cheerful gloomy peaceful violent
    dangerous safe careful careless graceful clumsy patient eager serious ridiculous splendid marvelous terrible
    horrible awful pleasant delightful rare perfect calm warm
""".split()  # adjectives that take -ly

FIRST_NAMES = """
    Anna Bertha Clara Dora Emma Fiona Greta Hannah Ida Julia Karen Laura Maria Nora Olga Paula Rosa Sara Tina
    Ursula Adam Boris Carl David Emil Felix George Henry Igor Jacob Kevin Leo Martin Nils Oscar Peter Robert
    Simon Thomas Victor
""".split()

TOWNS = [
    start + end
    for start in """
    Ash Black Brad Bux Clay East Green Hart King Long Mill North Oak Red South Stan West White
""".split()
    for end in """
    borough bridge bury combe field ford ham hurst ley mouth port stead ton ville wick wood worth
""".split()
]

TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
UNITS = ["two", "three", "four", "five", "six", "seven", "eight", "nine"]
NUMBERS = (
    UNITS + ["ten", "eleven", "twelve", "fifteen"] + TENS + [f"{ten}-{unit}" for ten in TENS for unit in UNITS]
)

PLURALS = dict(
    pair.split(":")
    for pair in """
    child:children woman:women man:men fisherman:fishermen mouse:mice goose:geese tooth:teeth foot:feet ox:oxen
    shelf:shelves leaf:leaves loaf:loaves knife:knives wolf:wolves thief:thieves piano:pianos
""".split()
)

PASTS = dict(
    pair.split(":")
    for pair in """
    fly:flew swim:swam run:ran drink:drank ride:rode drive:drove fall:fell fight:fought sleep:slept stand:stood
    ring:rang lie:lay bet:bet bring:brought build:built buy:bought choose:chose draw:drew feel:felt find:found
    give:gave hear:heard hide:hid keep:kept know:knew lead:led lose:lost make:made read:read
    see:saw sell:sold send:sent shake:shook sing:sang steal:stole sweep:swept take:took teach:taught throw:threw
    understand:understood wake:woke wear:wore win:won write:wrote break:broke eat:ate grow:grew speak:spoke
    kneel:knelt weep:wept sit:sat rise:rose tell:told light:lit pay:paid shrink:shrank
""".split()
)

PARTICIPLES = dict(
    pair.split(":")
    for pair in """
    choose:chosen draw:drawn give:given hide:hidden know:known see:seen shake:shaken sing:sung
    steal:stolen take:taken throw:thrown wear:worn write:written break:broken eat:eaten grow:grown speak:spoken
    rise:risen
""".split()
)


def with_s(stem: str) -> str:
    """The regular plural of a noun and the third person of a verb: ``fly -> flies``, ``watch -> watches``."""
    if re.search("[^aeiou]y$", stem):
        return stem[:-1] + "ies"
    return stem + ("es" if re.search("(s|x|z|ch|sh|[^aeiou]o)$", stem) else "s")


def plural(noun: str) -> str:
    return PLURALS.get(noun) or with_s(noun)


def past(verb: str) -> str:
    if verb in PASTS:
        return PASTS[verb]
    if re.search("[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    return verb + "d" if verb.endswith("e") else _doubled(verb) + "ed"


def participle(verb: str) -> str:
    """The form after *has*: ``choose -> chosen``."""
    return PARTICIPLES.get(verb) or past(verb)


def with_ing(verb: str) -> str:
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    return (verb[:-1] if re.search("[^e]e$", verb) else _doubled(verb)) + "ing"


def with_ly(adjective: str) -> str:
    if adjective.endswith("le"):
        return adjective[:-1] + "y"
    return (adjective[:-1] + "i" if adjective.endswith("y") else adjective) + "ly"


def _doubled(verb: str) -> str:
    """``stop -> stopp``: a single short vowel before a single consonant at the end of a one-syllable stem."""
    return verb + verb[-1] if re.search("^[^aeiou]*[aeiou][^aeiouwxy]$", verb) else verb
