"""Words of measurements in English, German, Spanish, French, Italian and Hindi."""

from product_length.measurements.measurement import Role, Unit

UNIT_WORDS = {
    Unit.MILLIMETRE: "mm mms millimeter millimeters millimetre millimetres milimeter milimeters "
    "milímetro milímetros millimètre millimètres millimetri मिमी मि.मी",
    Unit.CENTIMETRE: "cm cms c.m centimeter centimeters centimetre centimetres centimetro "
    "centimetros centímetro centímetros centimètre centimètres centimetri zentimeter सेमी से.मी",
    Unit.METRE: "m mt mts mtr mtrs meter meters metre metres metro metros metri mètre mètres मीटर",
    Unit.INCH: "in ins inch inche inches inchs zoll pulgada pulgadas pouce pouces pollici इंच इन्च",
    Unit.FOOT: "ft fts foot feet feets fuß fuss pies pied pieds piedi फुट फीट",
    Unit.YARD: "yd yds yard yards gaj गज",
}
INCH_MARKS = ('"', "″", "”", "“", "„", "''", "’’", "‘‘", "′′", "´´", "``", "＂")
FOOT_MARKS = ("'", "′", "’", "‘", "´", "`")

UNIT_OF = {word: unit for unit, words in UNIT_WORDS.items() for word in words.split()}
UNIT_OF |= dict.fromkeys(INCH_MARKS, Unit.INCH) | dict.fromkeys(FOOT_MARKS, Unit.FOOT)

ROLE_WORDS = {
    Role.LENGTH: "length länge laenge largo longitud longueur lunghezza लंबाई लम्बाई",
    Role.WIDTH: "width breadth breite ancho anchura largeur larghezza चौड़ाई चौड़ाई",
    Role.HEIGHT: "height höhe hoehe alto altura hauteur altezza ऊंचाई ऊँचाई ऊंचाई",
    Role.DEPTH: "depth tiefe profundidad profondeur profondità गहराई",
    Role.DIAMETER: "diameter diametre dia diam durchmesser diámetro diametro diamètre व्यास",
    Role.THICKNESS: "thickness dicke stärke grosor espesor épaisseur spessore मोटाई",
    Role.SIZE: "size sizes dimension dimensions measures measure measuring measurement "
    "measurements größe maße masse abmessung abmessungen tamaño medida medidas dimensión "
    "dimensiones taille misura misure dimensione dimensioni आकार साइज़ साइज़ साइज माप paketmaße",
}
"""Nouns that name a side ahead of its number."""
ROLE_OF = {word.lower(): role for role, words in ROLE_WORDS.items() for word in words.split()}

ADJECTIVES = {
    Role.LENGTH: "long lengthwise lang largo longs lungo लंबा लंबी",
    Role.WIDTH: "wide broad breit ancho",
    Role.HEIGHT: "high tall hoch haut alto ऊंचा",
    Role.DEPTH: "deep tief profond",
    Role.THICKNESS: "thick dick épais",
    Role.DIAMETER: "dia diam round",
}
"""Words that name a side after its number."""
ADJECTIVE_OF = {word: role for role, words in ADJECTIVES.items() for word in words.split()}

AXES = {
    "l": Role.LENGTH,
    "w": Role.WIDTH,
    "b": Role.WIDTH,
    "an": Role.WIDTH,
    "h": Role.HEIGHT,
    "al": Role.HEIGHT,
    "d": Role.DEPTH,
    "t": Role.THICKNESS,
    "ø": Role.DIAMETER,
    "⌀": Role.DIAMETER,
    "φ": Role.DIAMETER,
    "dia": Role.DIAMETER,
}
"""Letters that name a side, as in `L30 x W20`; a D that stands alone is a diameter."""
