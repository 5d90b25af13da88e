"""A pivot's view as a frame that can be written to a file: its rows, as the browser sent them."""

import pandas as pd
import pyarrow as pa


def explored_table(table: pa.Table) -> pd.DataFrame:
    """The frame of an Arrow table of the pivot.

    Grouped rows begin with a column for each level, empty on the rows that stand for all below. Columns that are spread
    over the values of others are called by these values and the measure, ``Americas | Cash delta``. Instants are UTC.
    """
    names = [" | ".join(part.strip() for part in name.split("|")) for name in table.column_names]
    columns = []
    for column in table.columns:
        plain = column.combine_chunks()
        if pa.types.is_dictionary(plain.type):
            plain = plain.cast(plain.type.value_type)
        if pa.types.is_timestamp(plain.type) and plain.type.tz is None:
            plain = plain.cast(pa.timestamp(plain.type.unit, "UTC"))
        columns.append(plain.to_pandas(date_as_object=True))
    frame = pd.DataFrame(dict(enumerate(columns)))
    frame.columns = pd.Index(names)  # one may be there twice: a computed column called as a level of the rows is
    return frame
