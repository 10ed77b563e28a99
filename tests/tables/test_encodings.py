"""The encoding that is found is the one a file is written in, or none: never a wrong one."""

from pathlib import Path

import pytest

from product_length.errors import UserError
from product_length.tables.alphabets import fit_of_letters
from product_length.tables.encodings import find_encoding

TEXTS = {
    "German": "Gerät für die Küche, größe 30 cm\nSchöne Tür aus Eiche\nMüllbeutel weiß\nKörbe",
    "French": "Lampe de chevet à intensité réglable\nFenêtre en chêne\nThéière émaillée\nGarçon",
    "Spanish": "Lámpara de pie para niños\nCajón de cocina\nSillón reclinable marrón",
    "Portuguese": "Almofada de algodão\nCadeira de balanço\nPortão de madeira, três pés",
    "Italian": "Città di legno\nPiù luce\nCaffè macchiato",
    "Swedish": "Stol av trä, 30 cm hög\nMåleri och färg\nGrön låda",
    "Danish": "Hylde i træ\nGrøn lampe på bordet\nLænestol",
    "symbols": "Lamp 30 cm – white\nSofa “Oslo”\nBrand™ chair, 30° and 2 ½",
    "Polish": "Łóżko drewniane\nKrzesło składane\nŻarówka świeca\nPółka na książki",
    "Czech": "Židle dřevěná\nStůl kuchyňský\nPříbor nerezový\nČerná skříň",
    "Hungarian": "Fából készült asztal\nKönyvespolc, fehér, erős\nFűrész",
    "Slovene": "Leseno pohištvo\nČrna omara\nŽivljenje",
    "Russian": "Стол кухонный\nЛампа настольная\nШкаф деревянный",
    "Turkish": "Ağaç masa\nÇocuk sandalyesi\nIşık şişesi",
    "Greek": "Τραπέζι κουζίνας\nΛάμπα γραφείου",
    "Lithuanian": "Medinė kėdė\nŠviestuvas ąžuolas\nžalia",
    "Japanese": "電気スタンド\n木製テーブル\nキッチン用品",
    "Chinese": "木制桌子\n厨房用品\n台灯",
    "Korean": "나무 테이블\n주방 용품",
}
WRITTEN = {
    "cp1252": ["German", "French", "Spanish", "Portuguese", "Italian", "Swedish", "Danish"],
    "cp1250": ["Polish", "Czech", "Hungarian"],
    "cp1251": ["Russian"],
    "koi8_r": ["Russian"],
    "cp1253": ["Greek"],
    "cp1254": ["Turkish"],
    "cp1257": ["Lithuanian"],
    "cp932": ["Japanese"],
    "euc_jp": ["Japanese"],
    "gb18030": ["Chinese"],
}
# By which the bytes are other letters that make sense too.
UNSURE = {
    "cp1250": ["Slovene"],
    "iso8859_2": ["Polish", "Czech", "Hungarian"],
    "mac_roman": ["German", "French", "Spanish", "Italian", "Danish"],
    "cp850": ["German", "French", "Spanish"],
    "cp866": ["Russian"],
    "cp949": ["Korean"],
}


def table(text, encoding, repeats):
    lines = text.splitlines() * repeats
    return "id;title\n" + "".join(f"{n};{line}\n" for n, line in enumerate(lines)), encoding


CASES = [(name, encoding) for encoding, names in WRITTEN.items() for name in names]
CASES += [("symbols", "cp1252")]


@pytest.mark.parametrize("repeats", [1, 20, 300])
@pytest.mark.parametrize(("name", "encoding"), CASES)
def test_is_found_and_said(name, encoding, repeats):
    text, _ = table(TEXTS[name], encoding, repeats)
    found = find_encoding(Path("a.csv"), text.encode(encoding), "auto")
    assert text.encode(encoding).decode(found.name) == text
    assert found.note == f"read as {found.name} (detected)"


@pytest.mark.parametrize("repeats", [1, 20, 300])
@pytest.mark.parametrize(
    ("name", "encoding"),
    [(name, encoding) for encoding, names in UNSURE.items() for name in names],
)
def test_is_right_or_refused(name, encoding, repeats):
    text, _ = table(TEXTS[name], encoding, repeats)
    try:
        found = find_encoding(Path("a.csv"), text.encode(encoding), "auto").name
    except UserError as error:
        found, refused = encoding, str(error)
        assert "data.encoding=" in refused
        assert "\n" not in refused
    assert text.encode(encoding).decode(found) == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode(encoding):
    for name, text in TEXTS.items():
        found = find_encoding(Path("a.csv"), f"id;title\n1;{text}\n".encode(encoding), "auto")
        back = f"id;title\n1;{text}\n".encode(encoding).decode(found.name)
        assert back.removeprefix("\ufeff") == f"id;title\n1;{text}\n", name


def test_letters_cut_at_the_end_of_the_sample():
    sample = "id;title\n1;Tür\n2;Möbel ü".encode()
    assert find_encoding(Path("a.csv"), sample[:-1], "auto").name == "utf-8"


def test_a_language_has_its_letters():
    assert fit_of_letters("Größe, Café, 30 °C – “x”") == 1
    assert fit_of_letters("Stùl kuchyòský") < 0.7
    assert fit_of_letters("M³ll") == 0
