"""The departments of the demo catalogue: what they sell, how long it is, how it is mislabelled."""

from dataclasses import dataclass

from product_length.demo.languages import words


@dataclass(frozen=True)
class Department:
    """A family of product types; lengths in 1/100 inch."""

    name: str
    share: float
    """Of the rows, near enough: types are dealt out by their popularity."""
    objects: str
    """Lines of en|de|es|fr|hi names; the first one is the family's generic name."""
    materials: tuple[int, ...]
    median: float
    spread: float
    """Standard deviation of the types' log length around the median."""
    step: float
    """Typical ratio of one length in a noun's ladder to the one below."""
    metric: float
    """Share of types on the centimetre grid."""
    features: tuple[str, ...]
    popular: tuple[float, ...] = ()
    """Where given, the only lengths that occur."""
    rolled: float = 0.0
    """Share of labels that give the thickness of the roll."""
    parcel: float = 0.07
    """Share of labels that give the package."""

    @property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """[object][language], the generic name first."""
        return words(self.objects)


_TRIM_SIZES = (400.0, 500.0, 511.81, 550.0, 590.55, 600.0, 614.0, 700.0, 750.0, 787.4, 850.0,
               900.0, 1000.0, 1100.0, 1200.0)  # fmt: skip

DEPARTMENTS = (
    Department("stationery", 0.22, """
        Stationery|Papierwaren|Papelería|Papeterie|स्टेशनरी
        Notebook|Notizbuch|Cuaderno|Carnet|नोटबुक
        Diary|Tagebuch|Diario|Journal|डायरी
        Sketchbook|Skizzenbuch|Bloc de Dibujo|Carnet à Croquis|स्केचबुक
        Planner|Kalender|Agenda|Agenda|प्लानर
        Workbook|Arbeitsheft|Libro de Ejercicios|Cahier d'Exercices|अभ्यास पुस्तिका
        Guest Book|Gästebuch|Libro de Visitas|Livre d'Or|अतिथि पुस्तिका
        Cookbook|Kochbuch|Libro de Cocina|Livre de Cuisine|पाक पुस्तिका""",
        (0, 3, 4, 12, 13), 630, 0.22, 1.16, 0.3,
        ("Acid-free pages that take ink without bleeding", "Sewn binding that opens flat",
         "Ruled sheets with a generous margin", "Rounded corners and an elastic closure"),
        popular=_TRIM_SIZES),
    Department("apparel", 0.15, """
        Clothing|Kleidung|Ropa|Vêtement|कपड़े
        Shirt|Hemd|Camisa|Chemise|शर्ट
        Kurta|Kurta|Kurta|Kurta|कुर्ता
        Jacket|Jacke|Chaqueta|Veste|जैकेट
        Trousers|Hose|Pantalón|Pantalon|पतलून
        Scarf|Schal|Bufanda|Écharpe|दुपट्टा
        Belt|Gürtel|Cinturón|Ceinture|बेल्ट
        Hoodie|Kapuzenpulli|Sudadera|Sweat à Capuche|हुडी""",
        (3, 4, 5, 12, 16), 800, 0.35, 1.14, 0.65,
        ("Breathable weave with a soft handle", "Flat seams that do not chafe",
         "Colourfast dye that survives many washes", "Regular fit with reinforced stitching"),
        parcel=0.11),
    Department("footwear", 0.07, """
        Footwear|Schuhwerk|Calzado|Chaussant|जूते-चप्पल
        Sandals|Sandalen|Sandalias|Sandales|सैंडल
        Sneakers|Turnschuhe|Zapatillas|Baskets|स्नीकर्स
        Boots|Stiefel|Botas|Bottes|बूट
        Slippers|Hausschuhe|Pantuflas|Chaussons|चप्पल
        Loafers|Slipper|Mocasines|Mocassins|लोफर्स
        Clogs|Clogs|Zuecos|Sabots|क्लॉग्स
        Ballerinas|Ballerinas|Bailarinas|Ballerines|बैलेरीना""",
        (3, 4, 11, 12, 16), 1000, 0.15, 1.08, 0.6,
        ("Cushioned insole with arch support", "Slip-resistant outsole for wet floors",
         "Padded collar that hugs the ankle", "Light upper that lets the foot breathe"),
        parcel=0.13),
    Department("phone accessories", 0.09, """
        Phone Accessory|Handyzubehör|Accesorio Móvil|Accessoire Mobile|मोबाइल एक्सेसरी
        Phone Case|Handyhülle|Funda de Móvil|Coque|फोन कवर
        Screen Guard|Schutzfolie|Protector de Pantalla|Film d'Écran|स्क्रीन गार्ड
        Charging Dock|Ladestation|Base de Carga|Station de Charge|चार्जिंग डॉक
        Phone Stand|Handyhalter|Soporte de Móvil|Support de Téléphone|फोन स्टैंड
        Power Bank|Zusatzakku|Batería Externa|Batterie Externe|पावर बैंक
        Flip Cover|Klapphülle|Funda con Tapa|Étui à Rabat|फ्लिप कवर
        Armband|Sportarmband|Brazalete|Brassard|आर्मबैंड""",
        (3, 10, 11, 15, 17), 600, 0.25, 1.12, 0.6,
        ("Precise cut-outs leave every port within reach", "Raised edges protect the display",
         "Wireless charging works without taking it off", "Anti-yellowing coating"),
        parcel=0.14),
    Department("jewellery", 0.06, """
        Jewellery|Schmuck|Joyería|Bijou|आभूषण
        Earrings|Ohrringe|Pendientes|Boucles d'Oreilles|बाली
        Ring|Ring|Anillo|Bague|अंगूठी
        Pendant|Anhänger|Colgante|Pendentif|लॉकेट
        Brooch|Brosche|Broche|Broche|ब्रोच
        Bracelet|Armreif|Pulsera|Bracelet|कंगन
        Anklet|Fußkettchen|Tobillera|Chaîne de Cheville|पायल
        Hair Clip|Haarspange|Pinza de Pelo|Barrette|हेयर क्लिप""",
        (1, 6, 8, 9, 17), 120, 0.75, 1.25, 0.6,
        ("Nickel-free plating that is kind to the skin", "Hand-set stones that catch the light",
         "Secure clasp that stays closed", "Comes in a velvet pouch"),
        parcel=0.14),
    Department("kitchen", 0.11, """
        Kitchenware|Küchenbedarf|Menaje|Ustensile de Cuisine|रसोई का सामान
        Mug|Becher|Taza|Tasse|मग
        Serving Tray|Tablett|Bandeja|Plateau|ट्रे
        Storage Jar|Vorratsdose|Tarro|Bocal|डिब्बा
        Frying Pan|Bratpfanne|Sartén|Poêle|कड़ाही
        Water Bottle|Trinkflasche|Botella|Gourde|बोतल
        Cutting Board|Schneidebrett|Tabla de Cortar|Planche à Découper|चॉपिंग बोर्ड
        Spice Rack|Gewürzregal|Especiero|Étagère à Épices|मसाला रैक""",
        (0, 1, 2, 6, 7, 8), 600, 0.55, 1.25, 0.55,
        ("Food-safe finish that does not hold odours", "Safe in the dishwasher",
         "Spill-proof lid with a firm seal", "Keeps its shine on gas and induction alike")),
    Department("hardware", 0.09, """
        Hardware|Eisenwaren|Ferretería|Quincaillerie|हार्डवेयर
        Hinge|Scharnier|Bisagra|Charnière|कब्जा
        Drill Bit|Bohrer|Broca|Foret|ड्रिल बिट
        Bolt Set|Schraubensatz|Juego de Pernos|Jeu de Boulons|बोल्ट सेट
        Door Handle|Türgriff|Manija|Poignée|दरवाज़े का हैंडल
        Wrench|Schlüssel|Llave|Clé Plate|रिंच
        Bracket|Winkel|Soporte|Équerre|ब्रैकेट
        Hook|Haken|Gancho|Crochet|हुक""",
        (1, 2, 8, 10, 11, 14), 330, 0.95, 1.35, 0.5,
        ("Machined to tight tolerances", "Corrosion-resistant surface for damp rooms",
         "Fits standard fixings without drilling anew", "Load tested in the factory")),
    Department("toys", 0.06, """
        Toy|Spielzeug|Juguete|Jouet|खिलौना
        Puzzle|Puzzle|Rompecabezas|Puzzle|पहेली
        Plush Bear|Plüschbär|Oso de Peluche|Ours en Peluche|टेडी
        Building Blocks|Bausteine|Bloques|Blocs|ब्लॉक्स
        Doll House|Puppenhaus|Casa de Muñecas|Maison de Poupée|गुड़िया घर
        Race Car|Rennauto|Coche de Carreras|Voiture de Course|रेस कार
        Board Game|Brettspiel|Juego de Mesa|Jeu de Société|बोर्ड गेम
        Kite|Drachen|Cometa|Cerf-Volant|पतंग""",
        (0, 2, 4, 10, 13, 16), 780, 0.45, 1.25, 0.45,
        ("Rounded edges that suit little hands", "Paint free of heavy metals",
         "Trains patience and fine motor skills", "Sturdy enough for a playgroup"),
        parcel=0.12),
    Department("wall art", 0.05, """
        Wall Decoration|Wandschmuck|Adorno de Pared|Décoration Murale|दीवार सजावट
        Poster|Poster|Póster|Affiche|पोस्टर
        Painting|Gemälde|Cuadro|Tableau|चित्र
        Photo Frame|Bilderrahmen|Marco|Cadre|फोटो फ्रेम
        Wall Sticker|Wandtattoo|Vinilo|Sticker Mural|वॉल स्टिकर
        Mirror|Spiegel|Espejo|Miroir|दर्पण
        Tapestry|Wandteppich|Tapiz|Tenture|टेपेस्ट्री
        Scroll|Rollbild|Pergamino|Rouleau Peint|स्क्रॉल""",
        (2, 5, 6, 12, 13, 17), 1500, 0.4, 1.3, 0.4,
        ("Fade-resistant inks keep the picture crisp", "Ready to hang with the hooks enclosed",
         "Printed edge to edge", "Shipped in a protective tube"),
        rolled=0.02),
    Department("home textiles", 0.06, """
        Home Textile|Heimtextilie|Textil del Hogar|Linge de Maison|घरेलू कपड़ा
        Rug|Teppich|Alfombra|Tapis|कालीन
        Curtain|Vorhang|Cortina|Rideau|पर्दा
        Floor Mat|Fußmatte|Felpudo|Paillasson|चटाई
        Bedsheet|Bettlaken|Sábana|Drap|चादर
        Table Runner|Tischläufer|Camino de Mesa|Chemin de Table|टेबल रनर
        Blanket|Decke|Manta|Couverture|कंबल
        Towel|Handtuch|Toalla|Serviette|तौलिया""",
        (4, 5, 10, 12, 16), 3000, 0.5, 1.3, 0.5,
        ("Dense pile that springs back underfoot", "Hemmed on all four sides",
         "Machine washable and quick to dry", "Woven on traditional looms"),
        rolled=0.012, parcel=0.11),
    Department("furniture", 0.02, """
        Furnishing|Möbelstück|Mueble|Meuble|फर्नीचर
        Shelf|Regal|Estantería|Étagère|शेल्फ
        Side Table|Beistelltisch|Mesa Auxiliar|Table d'Appoint|साइड टेबल
        Chair|Stuhl|Silla|Chaise|कुर्सी
        Desk|Schreibtisch|Escritorio|Secrétaire|मेज
        Stool|Hocker|Taburete|Tabouret|स्टूल
        Cabinet|Schrank|Armario|Armoire|अलमारी
        Bench|Bank|Banco|Banc|बेंच""",
        (0, 1, 2, 6, 14, 17), 2400, 0.4, 1.25, 0.5,
        ("Level feet adjust to uneven floors", "Assembly takes half an hour",
         "Scratch-proof varnish", "Hidden fittings for a clean look")),
    Department("lines and tapes", 0.02, """
        Line Material|Meterware|Material por Metro|Article au Mètre|मीटर सामान
        Rope|Seil|Cuerda|Corde|रस्सी
        Cable|Kabel|Cable|Câble|केबल
        Ribbon|Schleifenband|Cinta|Ruban|रिबन
        Hose|Schlauch|Manguera|Tuyau|होज़
        Fairy Lights|Lichterkette|Guirnalda de Luces|Guirlande Lumineuse|लाइट की लड़ी
        Fabric Roll|Stoffrolle|Rollo de Tela|Rouleau de Tissu|कपड़े का थान
        Adhesive Tape|Klebeband|Cinta Adhesiva|Ruban Adhésif|टेप""",
        (3, 4, 5, 10, 11, 14), 7500, 0.8, 1.4, 0.55,
        ("Even thickness from end to end", "Does not tangle when unwound",
         "Flexible in the cold", "Cut to the length you need"),
        rolled=0.015, parcel=0.08),
)  # fmt: skip
"""Original wording, composed for this project; sizes only echo public catalogues' orders."""
