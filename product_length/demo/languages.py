"""The languages of the demo catalogue and the words that every department shares."""

LANGUAGES = ("en", "de", "es", "fr", "hi")
LANGUAGE_SHARES = (0.84, 0.05, 0.04, 0.03, 0.04)
DECIMAL_COMMA = (False, True, True, True, False)
OBJECT_FIRST = (False, False, True, True, False)
"""Whether a noun is written object, use, material ("Taza de Viaje de Bambú")."""


def words(table: str) -> tuple[tuple[str, ...], ...]:
    """Read lines of `en|de|es|fr|hi` words; a closing `|` guards a last space.

    Raises ValueError where a line lacks a language.
    """
    lines = (line.strip().removesuffix("|") for line in table.strip().splitlines())
    rows = tuple(tuple(line.split("|")) for line in lines)
    if any(len(row) != len(LANGUAGES) for row in rows):
        raise ValueError("every line needs one word per language")
    return rows


MATERIALS = words("""
    Bamboo |Bambus-| de Bambú| en Bambou|बांस |
    Steel |Edelstahl-| de Acero| en Acier|स्टील |
    Wooden |Holz-| de Madera| en Bois|लकड़ी का |
    Leather |Leder-| de Cuero| en Cuir|चमड़े का |
    Cotton |Baumwoll-| de Algodón| en Coton|सूती |
    Silk |Seiden-| de Seda| en Soie|रेशमी |
    Glass |Glas-| de Vidrio| en Verre|कांच का |
    Ceramic |Keramik-| de Cerámica| en Céramique|सिरेमिक |
    Brass |Messing-| de Latón| en Laiton|पीतल का |
    Silver |Silber-| de Plata| en Argent|चांदी का |
    Nylon |Nylon-| de Nailon| en Nylon|नायलॉन |
    Rubber |Gummi-| de Goma| en Caoutchouc|रबर |
    Canvas |Leinen-| de Lona| en Toile|कैनवास |
    Paper |Papier-| de Papel| en Papier|कागज का |
    Aluminium |Alu-| de Aluminio| en Aluminium|एल्युमिनियम |
    Silicone |Silikon-| de Silicona| en Silicone|सिलिकॉन |
    Wool |Woll-| de Lana| en Laine|ऊनी |
    Acrylic |Acryl-| de Acrílico| en Acrylique|ऐक्रेलिक |
""")
"""An adjective or a prefix, in the form that stands beside the object's name."""

USES = words("""
    Travel |Reise-| de Viaje| de Voyage|यात्रा |
    Garden |Garten-| de Jardín| de Jardin|बगीचा |
    Office |Büro-| de Oficina| de Bureau|ऑफिस |
    Kids |Kinder-| Infantil| pour Enfants|बच्चों का |
    Outdoor |Outdoor-| de Exterior| d'Extérieur|आउटडोर |
    Classic |Klassik-| Clásico| Classique|क्लासिक |
    Vintage |Vintage-| Vintage| Vintage|पुराने अंदाज़ का |
    Sports |Sport-| Deportivo| de Sport|खेल |
    Home |Haus-| para el Hogar| de Maison|घरेलू |
    Wedding |Hochzeits-| de Boda| de Mariage|शादी का |
    Festive |Fest-| Festivo| de Fête|त्योहार |
    School |Schul-| Escolar| d'École|स्कूल |
    Camping |Camping-| de Camping| de Camping|कैंपिंग |
    Workshop |Werkstatt-| de Taller| d'Atelier|कार्यशाला |
    Designer |Design-| de Diseño| de Créateur|डिज़ाइनर |
    Hotel |Hotel-| de Hotel| d'Hôtel|होटल |
    Winter |Winter-| de Invierno| d'Hiver|सर्दियों का |
    Summer |Sommer-| de Verano| d'Été|गर्मियों का |
    Studio |Studio-| de Estudio| de Studio|स्टूडियो |
    Marine |Marine-| Marino| Marin|समुद्री |
    Yoga |Yoga-| de Yoga| de Yoga|योग |
    Party |Party-| de Celebración| de Soirée|पार्टी |
    Hiking |Wander-| de Senderismo| de Randonnée|ट्रेकिंग |
    Balcony |Balkon-| de Balcón| de Balcon|बालकनी |
    Nursery |Babyzimmer-| de Guardería| de Crèche|नर्सरी |
    Artisan |Handwerker-| Artesanal| Artisanal|हस्तशिल्प |
    Retro |Retro-| Retro| Rétro|रेट्रो |
    Industrial |Industrie-| Industrial| Industriel|औद्योगिक |
    Cycling |Fahrrad-| de Ciclismo| de Cyclisme|साइकिल |
    Folding |Falt-| Plegable| Pliable|मुड़ने वाला |
""")

SIZES = (
    ((" Small", ", Size S"), (" Medium", ", Size M"), (" Large", ", Size L"), (" XXL", ", Jumbo")),
    ((", Klein", ", Gr. S"), (", Mittel", ", Gr. M"), (", Groß", ", Gr. L"), (", Riesig", " XXL")),
    ((", Pequeño", " S"), (", Mediano", " M"), (", Grande", " L"), (", Gigante", " XXL")),
    ((", Petit", " T. S"), (", Moyen", " T. M"), (", Grand", " T. L"), (", Géant", " XXL")),
    ((", छोटा", " Small"), (", मध्यम", " Medium"), (", बड़ा", " Large"), (", बहुत बड़ा", " XXL")),
)
"""[language][size][variant]: what shows a product's size without a number."""

COLOURS = tuple(
    tuple(f", {word}" for word in row.split())
    for row in (
        "Blue Black White Red Green Ivory Grey Multicolour Teal Maroon Beige Gold Navy Peach",
        "Blau Schwarz Weiß Rot Grün Elfenbein Grau Bunt Petrol Bordeaux Beige Gold Marine Rosa",
        "Azul Negro Blanco Rojo Verde Marfil Gris Mixto Turquesa Granate Beige Oro Marino Coral",
        "Bleu Noir Blanc Rouge Vert Ivoire Gris Mixte Turquoise Bordeaux Beige Or Marine Rose",
        "नीला काला सफेद लाल हरा क्रीम स्लेटी बहुरंगी फ़िरोज़ी मैरून बेज सुनहरा गहरा-नीला गुलाबी",
    )
)
