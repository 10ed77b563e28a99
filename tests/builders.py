"""What many tests are made of: features that are given, batches, networks."""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import torch
from hydra import compose, initialize_config_dir
from numpy.typing import NDArray

from product_length.artefacts import ArtefactStore
from product_length.catalogue.config import (
    AMAZON2023_COLUMNS,
    Columns,
    DemoData,
    SplitOptions,
    TextRecipe,
)
from product_length.catalogue.file_columns import FileColumns
from product_length.catalogue.prepare import open_catalogue
from product_length.catalogue.product_file import ProductFile
from product_length.catalogue.products import Products
from product_length.catalogue.split import TRAIN
from product_length.catalogue.stored_names import category_column, number_column
from product_length.catalogue.text import FIELDS, string_keys
from product_length.catalogue.units import HUNDREDTH_INCH
from product_length.catalogue.vocabulary import Vocabulary
from product_length.composition import CONF
from product_length.demo.generator import DemoGenerator
from product_length.embeddings.config import EmbeddingOptions
from product_length.embeddings.embed import embed_catalogue
from product_length.experiment import from_config
from product_length.features.columns import Batch
from product_length.features.config import FeatureGroup
from product_length.features.encoder import Encoder
from product_length.features.expert import Expert
from product_length.features.feature import Feature, Training
from product_length.features.features import FittedFeatures, fit_features
from product_length.features.text.feature import TextVectors
from product_length.features.types.config import TypesOptions
from product_length.features.types.feature import TypesFeature
from product_length.features.types.paths import TypePaths
from product_length.loss.bin_grid import BinGrid
from product_length.model.config import Mlp, ModelOptions
from product_length.model.network import LengthNetwork
from product_length.options import Options
from product_length.predict import predict
from product_length.prediction.config import PredictionJob

MLP = Mlp(name="mlp", hidden=[16, 8])
Schema = TypeVar("Schema", bound=Options)


@dataclass(frozen=True)
class Given(Feature):
    """A feature whose column a test gives, and whose encoder and expert too."""

    name: str = "given"
    make_encoder: Callable[[], Encoder] | None = None
    make_expert: Callable[[BinGrid, int], Expert] | None = None

    def transform(self, products: Any, columns: Any) -> NDArray[Any]:
        raise AssertionError("its column is given")

    def encoder(self) -> Encoder | None:
        return self.make_encoder and self.make_encoder()

    def expert(self, bins: BinGrid, width: int) -> Expert | None:
        return self.make_expert and self.make_expert(bins, width)

    def state(self) -> dict[str, Any]:
        return {}


def text_of(name: str, dimension: int) -> Given:
    """Vectors of a text encoder, which the test gives."""
    return Given(name, lambda: TextVectors(dimension))


def types_of(names: list[str], **options: Any) -> TypesFeature:
    """Product types of these names: codes 1, 2, … in their order."""
    return TypesFeature(TypesOptions(**options), Vocabulary(names), tuple(names), TypePaths(None))


def network_of(
    *features: Feature,
    outputs: int = 1,
    options: ModelOptions = MLP,
    bins: BinGrid | None = None,
    initial_bias: torch.Tensor | None = None,
    seed: int = 0,
) -> LengthNetwork:
    """An untrained network, the same for the same seed."""
    torch.manual_seed(seed)
    return LengthNetwork(features, options, outputs, bins, initial_bias)


def batch_of(lengths: torch.Tensor | None = None, **columns: torch.Tensor) -> Batch:
    """A batch of these columns."""
    return Batch(columns, lengths)


def training_of(lengths: NDArray[np.float32], **columns: NDArray[Any]) -> Training:
    """Training rows, all there are, as experts see them: their columns and lengths only."""
    rows = np.arange(len(lengths))
    nothing: Any = None
    return Training(nothing, rows, lengths.astype(np.float32), columns, {}, nothing)


def small_grid() -> BinGrid:
    """Four bins: lengths below 100, to 200, to 400, and above, 1/100 inch."""
    smoothing = torch.eye(4) * 0.8 + torch.diag(torch.full((3,), 0.1), 1)
    smoothing += torch.diag(torch.full((3,), 0.1), -1) + torch.diag(torch.tensor([0.1, 0, 0, 0.1]))
    edges = torch.tensor([100.0, 200.0, 400.0]).log()
    return BinGrid(edges, smoothing, torch.tensor([0.1, 0.4, 0.3, 0.2]))


def products_of(
    titles: list[str],
    types: list[str],
    numbers: Mapping[str, Any] | None = None,
    categories: Mapping[str, list[str]] | None = None,
    **fields: list[str],
) -> Products:
    """Products in memory; other fields than the title are empty unless they are given.

    `numbers`, `categories`: further columns, by their names.
    """
    texts = {"title": titles, **fields}
    further = {number_column(name): np.asarray(each) for name, each in (numbers or {}).items()}
    further |= {category_column(name): each for name, each in (categories or {}).items()}
    strings = {name: texts.get(name, [""] * len(titles)) for name in FIELDS}
    return Products(
        product_ids=pa.chunked_array([[str(row) for row in range(len(titles))]]),
        types=pa.chunked_array([types], pa.string()),
        text_keys=string_keys(
            pa.array(["|".join(each) for each in zip(*strings.values(), strict=True)])
        ),
        recipe=TextRecipe(fields=list(FIELDS)),
        unit=HUNDREDTH_INCH,
        stored=ProductFile(pa.table({**strings, **further})),
        stored_rows=np.arange(len(titles)),
    )


def through_a_file(state: Any) -> Any:
    """What a checkpoint gives back of a state."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def fit_demo(folder: Path, features: Mapping[str, Any], rows: int = 300) -> FittedFeatures:
    """Features of these options, fitted on a demo catalogue that is encoded by LSA as `text`."""
    data = DemoData(
        source="demo", rows=rows, types=6, text=TextRecipe(fields=list(FIELDS)),
        split=SplitOptions(),
    )  # fmt: skip
    lsa = {"kind": "lsa", "dimensions": 6, "char_ngrams": None, "max_features": 300}
    store = ArtefactStore(folder)
    catalogue = open_catalogue(data, store)
    embeddings = embed_catalogue(
        catalogue.texts_of,
        catalogue.text_keys,
        catalogue.rows(TRAIN),
        EmbeddingOptions.model_validate({"encoders": {"text": lsa}}),
        store,
        recipe={},
    )
    return fit_features(catalogue, embeddings, FeatureGroup.model_validate(features), store)


def job(name: str, schema: type[Schema], *overrides: str) -> Schema:
    """The typed options of a command, from what is typed after it."""
    with initialize_config_dir(str(CONF)):
        return from_config(compose(name, overrides=list(overrides)), schema)


def demo_files(folder: Path, **options: int) -> Path:
    """A folder with a generated catalogue, `train.csv`, and without lengths, `test.csv`."""
    table = pa.Table.from_batches(DemoGenerator(**options).batches())
    pa.csv.write_csv(table, folder / "train.csv")
    pa.csv.write_csv(table.drop_columns(["PRODUCT_LENGTH"]), folder / "test.csv")
    return folder


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def scored(run: Path, split: str = "val") -> dict[str, dict[str, float]]:
    """What a run says of the rows of a split: prediction and length, each by product id."""
    table = pq.read_table(run / f"predictions_{split}.parquet").to_pydict()
    ids = table["PRODUCT_ID"]
    return {each: dict(zip(ids, table[each], strict=True)) for each in ("prediction", "length")}


def predict_by(run: Path, products: Path, output: Path, *overrides: str) -> Path:
    """Have a run's checkpoint, unless others are given, predict a file of products: `output`."""
    words = [f"checkpoint={run}", f"data.path={products}", f"output={output}", "device=cpu"]
    words.append(f"cache_dir={run.parent / 'predicting'}")
    predict(job("predict", PredictionJob, *words, *overrides), output.parent, [])
    return output


def submission(path: Path) -> tuple[list[str], NDArray[np.float64]]:
    """The ids of a submission, and its numbers: float64 (rows,), or (rows, 3) with intervals."""
    with path.open(newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file)
    assert names == ["PRODUCT_ID", "PRODUCT_LENGTH", "LOWER", "UPPER"][: len(names)]
    numbers = np.array([[float(each) for each in row[1:]] for row in rows])
    return [row[0] for row in rows], numbers if len(names) == 4 else numbers[:, 0]


def challenge_columns(**others: Any) -> Columns:
    """The columns of the Amazon ML Challenge 2023, some of them others."""
    return Columns.model_validate(AMAZON2023_COLUMNS.model_dump() | others)


def ids_and_names(*keep: str) -> FileColumns:
    """The columns `id` and `name` of a table to predict for, and what is kept."""
    return FileColumns(
        product_id="id",
        fields={"title": ("name",), "bullet_points": (), "description": ()},
        product_type=None,
        numbers={},
        categories={},
        length=None,
        keep=keep,
    )


CHALLENGE_HEADER = [
    "PRODUCT_ID",
    "TITLE",
    "BULLET_POINTS",
    "DESCRIPTION",
    "PRODUCT_TYPE_ID",
    "PRODUCT_LENGTH",
]


def table_in_cm(**more):
    """300 products with other columns than the challenge's; ids are texts with leading zeros."""
    demo = pa.Table.from_batches(DemoGenerator(rows=300, types=12, seed=5).batches())
    columns = {
        "sku": [f"{row:05}" for row in range(len(demo))],
        "name": demo["TITLE"],
        "blurb": demo["DESCRIPTION"],
        "notes": demo["BULLET_POINTS"],
        "kind": demo["PRODUCT_TYPE_ID"],
    }
    return pa.table({**columns, **more, "width_cm": pc.multiply(demo["PRODUCT_LENGTH"], 0.0254)})
