"""Trades as arrays: the one way from records to what engines take."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.contracts import FloatArray
from engine.snapshot.book import Trade

ObjectArray = npt.NDArray[np.object_]
DateArray = npt.NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class TradeArrays:
    """Trades on one underlying as arrays of one length; texts are objects, maturity is datetime64[D]."""

    trade_id: list[str]
    product: ObjectArray
    quantity: FloatArray
    strike: FloatArray
    maturity: DateArray
    option_type: ObjectArray
    exercise_style: ObjectArray
    contract_multiplier: FloatArray

    @classmethod
    def of(cls, trades: Sequence[Trade]) -> "TradeArrays":
        """The arrays of trade records. None, NaN and NaT are missing; a maturity is a date or ISO text."""

        def texts(name: str) -> ObjectArray:
            return np.array([trade[name] for trade in trades], dtype=object)

        def numbers(name: str) -> FloatArray:
            return np.array([trade[name] for trade in trades], dtype=np.float64)

        return cls(
            [trade["trade_id"] for trade in trades],
            texts("product"),
            numbers("quantity"),
            numbers("strike"),
            np.array([trade["maturity"] for trade in trades], dtype="datetime64[D]"),
            texts("option_type"),
            texts("exercise_style"),
            numbers("contract_multiplier"),
        )

    @classmethod
    def of_frame(cls, trades: pd.DataFrame) -> "TradeArrays":
        """The arrays of a frame with the columns of ``engine.model.TRADE_COLUMNS``; maturity is datetime64."""
        return cls(
            trades["trade_id"].tolist(),
            trades["product"].to_numpy(dtype=object),
            trades["quantity"].to_numpy(dtype=np.float64),
            trades["strike"].to_numpy(dtype=np.float64, na_value=np.nan),
            trades["maturity"].to_numpy(dtype="datetime64[D]"),
            trades["option_type"].to_numpy(dtype=object),
            trades["exercise_style"].to_numpy(dtype=object),
            trades["contract_multiplier"].to_numpy(dtype=np.float64),
        )
