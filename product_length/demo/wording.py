"""Phrases of the demo catalogue: sentences, how a measurement is written, decoys, remnants."""

from product_length.demo.departments import DEPARTMENTS

FEATURES = (
    (
        "Made from carefully selected materials",
        "Designed by a team with twenty years of experience",
        "Finished by hand &amp; checked twice before dispatch",
        "Tested in everyday use by our customers",
        "A modern look with clean lines",
        "Light enough to carry anywhere",
        "Sourced from family-run workshops",
        "Built to last for many seasons",
        "Available in several colours to match your taste",
        "Delivered in a neat box with instructions",
        "A firm favourite in hundreds of homes",
        "Developed together with demanding customers",
        "Responsibly made under fair conditions",
        "Each piece is individually inspected",
    ),
    (
        "Aus sorgfältig ausgewählten Materialien gefertigt",
        "Von Hand gefertigt &amp; geprüft",
        "Im Alltag vielfach erprobt",
        "Mit schönem, zeitlosem Aussehen",
        "Leicht und trotzdem robust",
        "Aus kleinen Familienbetrieben",
    ),
    (
        "Fabricado con materiales seleccionados",
        "Acabado a mano &amp; revisado dos veces",
        "Probado en el uso diario",
        "Con un diseño moderno y limpio",
        "Ligero y fácil de llevar",
        "Hecho en talleres familiares",
    ),
    (
        "Fabriqué avec des matériaux choisis",
        "Fini à la main &amp; contrôlé deux fois",
        "Éprouvé dans la vie de tous les jours",
        "Avec des lignes épurées et modernes",
        "Léger et facile à transporter",
        "Issu d'ateliers familiaux",
    ),
    (
        "चुनिंदा सामग्री से बना हुआ",
        "हाथ से तैयार किया गया",
        "रोज़मर्रा के उपयोग के लिए परखा हुआ",
        "आधुनिक और साफ-सुथरा डिज़ाइन",
        "हल्का और टिकाऊ",
        "पारिवारिक कारीगरों का काम",
    ),
)
"""[language]: openings of a sentence; departments add their own in English."""

BENEFITS = (
    (
        ", so it keeps its good looks after years of daily use",
        ", and makes a thoughtful gift for birthdays, anniversaries or a housewarming",
        ", backed by our friendly customer service that answers within one day",
        ", without any of the fuss that cheaper makes are known for",
        ", which is why our regular customers order it again and again",
        ", and goes well with almost everything you already own",
        ", easy to clean with a damp cloth and mild soap",
        ", and the colour may differ a little because of your screen or the light",
        ", loved by beginners and professionals alike",
        ", packed without plastic and ready to be given away",
        ", tried &amp; trusted from morning until night",
        ", tested for harmful substances by an independent laboratory",
        "",
        "",
        "",
        "",
    ),
    (
        ", damit Sie lange Freude daran haben",
        " und ein schönes Geschenk für Freunde &amp; Familie",
        ", leicht zu reinigen mit einem feuchten Tuch",
        ", auf Wunsch auch in weiteren Farben erhältlich",
        ", plastikfrei verpackt und sofort lieferbar",
        "",
    ),
    (
        ", para que lo disfrute durante muchos años",
        " y un regalo perfecto para toda la familia",
        ", fácil de limpiar con un paño húmedo",
        ", disponible también en otros colores",
        ", con envío rápido y embalaje sin plástico",
        "",
    ),
    (
        ", pour en profiter pendant de longues années",
        " et une belle idée de cadeau pour vos proches",
        ", facile à nettoyer avec un chiffon humide",
        ", disponible aussi en d'autres couleurs",
        ", expédié rapidement dans un emballage sans plastique",
        "",
    ),
    (
        ", जो सालों तक नया जैसा रहता है",
        " और परिवार तथा दोस्तों के लिए बढ़िया उपहार है",
        ", जिसे साफ करना बहुत आसान है",
        ", कई रंगों में उपलब्ध",
        ", तेज़ डिलीवरी और सुरक्षित पैकिंग के साथ",
        "",
    ),
)

ABOUT = (
    (("This ", " is a pleasure to own"), ("Every ", " leaves our workshop in perfect order"),
     ("You will love our ", " from the first day"), ("The ", " that people ask about")),
    (("Unser Artikel: ", " für jeden Tag"), ("Das Original: ", " in bester Qualität"),
     ("Jetzt neu: ", ""), ("Beliebt: ", " aus unserer Kollektion")),
    (("Nuestro producto: ", " para cada día"), ("El original: ", " de gran calidad"),
     ("Nuevo: ", ""), ("Muy querido: ", " de nuestra colección")),
    (("Notre article : ", " pour tous les jours"), ("L'original : ", " de grande qualité"),
     ("Nouveau : ", ""), ("Apprécié : ", " de notre collection")),
    (("हमारा उत्पाद: ", " हर दिन के लिए"), ("असली ", " बेहतरीन गुणवत्ता में"),
     ("नया: ", ""), ("लोकप्रिय ", " हमारे संग्रह से")),
)  # fmt: skip
"""[language][variant]: what stands before and after the noun in a sentence about it."""

TAGLINES = (
    (
        " for Everyday Use", " with Gift Box &amp; Greeting Card", " | Premium Quality | Easy Care",
        " for Men, Women and Children", " - Best Gift for Birthday, Anniversary and Housewarming",
        " - Durable, Lightweight and Easy to Clean", " by Master Makers", " (New Edition)",
        " | Handpicked Range | Trusted by Thousands of Customers",
        " for Home and Professional Needs",
    ),
    (" für jeden Tag", " - Geschenkidee für Freunde und Familie", " in Premiumqualität",
     " | robust, leicht und pflegeleicht"),
    (" para uso diario", " - regalo ideal para toda la familia", " de primera calidad",
     " | resistente, ligero y fácil de limpiar"),
    (" pour tous les jours", " - idée cadeau pour vos proches", " de première qualité",
     " | solide, léger et facile à nettoyer"),
    (" रोज़ाना इस्तेमाल के लिए", " - परिवार के लिए उपहार", " Premium Quality", " | मजबूत और हल्का"),
)  # fmt: skip
"""[language][variant]: what titles add that says nothing of the product's length."""

LEADS = (
    ("Length: ", "Product dimensions (L x W x H): ", "Dimensions: ", "Size: ",
     "Package dimensions: ", "Width: "),
    ("Länge: ", "Maße (L x B x H): ", "Abmessungen: ", "Größe: ", "Paketmaße: ", "Breite: "),
    ("Largo: ", "Medidas (L x An x Al): ", "Dimensiones: ", "Tamaño: ", "Medidas del paquete: ",
     "Ancho: "),
    ("Longueur : ", "Dimensions (L x l x H) : ", "Dimensions : ", "Taille : ",
     "Dimensions du colis : ", "Largeur : "),
    ("लंबाई: ", "आकार (L x W x H): ", "माप: ", "साइज़: ", "पैकेज का आकार: ", "चौड़ाई: "),
)  # fmt: skip
"""[language][lead]: LENGTH, labelled triple, bare triple, size, package, width."""

CM, MM, METRE, INCH, FOOT = range(5)
UNIT_LENGTHS = (39.37007874, 3.937007874, 3937.007874, 100.0, 1200.0)
"""One of each unit in 1/100 inch."""

UNIT_WORDS = (
    ((" cm", "cm", " Cms", " centimeters"), (" mm", "mm"), (" m", " meters", " mtr"),
     (" inches", " inch", " in", '"', "&quot;", "″", "-inch"), (" feet", " ft", "'")),
    ((" cm", "cm", " Zentimeter"), (" mm", "mm"), (" m", " Meter"), (" Zoll", '"'), (" Fuß",)),
    ((" cm", "cm", " centímetros"), (" mm", "mm"), (" m", " metros"), (" pulgadas", '"'),
     (" pies",)),
    ((" cm", "cm"), (" mm", "mm"), (" m", " mètres"), (" pouces", '"'), (" pieds",)),
    ((" cm", " सेमी"), (" mm", " मिमी"), (" m", " मीटर"), (" inch", " इंच"), (" feet", " फुट")),
)  # fmt: skip
"""[language][unit][variant]; a real list of spellings for one unit."""

PLAIN_JOINS = (" x ", "x", " X ", " × ", "*", " by ")
STYLES = (*range(len(PLAIN_JOINS)), "unit", "letters", "brackets")


def after_number(style: int | str, position: int, last: bool, unit: str) -> str:
    """What follows the number at `position` (0, 1, 2) of a measurement in this style."""
    if style == "unit":
        return unit if last else f"{unit} x "
    if style == "letters":
        return f"{'LWH'[position]}{unit}" if last else f"{'LWH'[position]} x "
    if style == "brackets":
        return f"{unit} ({'LWH'[position]}){'' if last else ' x '}"
    return unit if last else PLAIN_JOINS[int(style)]


SCREENS = ((5.5, "phone"), (6.1, "phone"), (6.7, "phone"), (10.1, "tablet"), (11.0, "tablet"),
           (13.3, "laptop"), (14.0, "laptop"), (15.6, "laptop"), (32.0, "TV"),
           (55.0, "TV"))  # fmt: skip
DECOYS = (
    *(f"Pack of {n}" for n in (2, 3, 4, 5, 6, 10, 12, 24, 50, 100)),
    *(f"Set of {n}" for n in (2, 3, 4, 6, 8)),
    *(f"{n} ml" for n in (50, 100, 250, 350, 500, 750)),
    *(f"{n} litre" for n in ("1", "1.5", "2", "5")),
    *(f"{n}V" for n in (5, 12, 24, 110, 220, 240)),
    *(f"{n} Watt" for n in (5, 9, 15, 40, 60)),
    *(f"{n}GB" for n in (16, 32, 64, 128)),
    *(f"{n} g" for n in (50, 200, 500)),
    *(f"{n} GSM" for n in (90, 180, 240)),
    *(f"{n} pages" for n in (96, 120, 200, 320)),
    *(f"{n} mAh" for n in (3000, 5000, 10000)),
    "2 years warranty", "age 3-8", "24 x 7 support", "model 2022", "100% genuine",
    *(f"suits {inches:g} inch {device}" for inches, device in SCREENS),
    *(f'for {inches:g}" {device}s' for inches, device in SCREENS),
)  # fmt: skip
"""Numbers that say nothing about the product's length."""
DECOY_LENGTHS = (
    *(None for _ in range(len(DECOYS) - 2 * len(SCREENS))),
    *(100.0 * inches for inches, _ in SCREENS),
    *(100.0 * inches for inches, _ in SCREENS),
)
"""[decoy]: 1/100 inch of another thing's size, None where it is no length at all."""

SENTENCE_ENDS = (". ", ".<br>", ".<br />", ".</p><p>", ".\r\n", ".  ")
DESCRIPTION_STARTS = ("", "", "", "<p>", "", "")
DESCRIPTION_ENDS = (".", ".<br>", ".", ".</p>", ".", "")


def sentences(language: int, department: int) -> list[str]:
    """Every plain sentence that a department's texts may hold in a language, without its stop."""
    own = DEPARTMENTS[department].features if language == 0 else ()
    openings = (*FEATURES[language], *own, *own)
    return [opening + benefit for opening in openings for benefit in BENEFITS[language]]
