"""What a file must hold, said as fields with kinds and ranges, and how it is told what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from reprlib import repr as short
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from s2nn_hw.ir import InputError

#: Greatest number, for what is computed of two is then finite, and no reader rounds a whole one.
_MOST = 2**53

Whole = Annotated[int, Field(ge=-_MOST, le=_MOST)]
Count = Annotated[int, Field(ge=0, le=_MOST)]
Positive = Annotated[int, Field(ge=1, le=_MOST)]
Real = Annotated[float, Field(ge=-_MOST, le=_MOST)]
Size = Annotated[float, Field(ge=0, le=_MOST)]
#: Between results, of which no two come in one cycle.
Interval = Annotated[float, Field(ge=1, le=_MOST)]
Share = Annotated[float, Field(ge=0, le=1)]


class Content(BaseModel):
    """Fields of an object; kinds are those of JSON, others are passed over, no number is NaN."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


#: How pydantic begins to say what something should be.
_SHOULD = re.compile(r"\A(?:Input|List|String) should ")


def check(kind: type[Content], data: Mapping[str, Any], where: str) -> None:
    """Raise InputError naming the first field that is absent or not what it must be.

    ``where`` is the file, or its row.
    """
    try:
        kind.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        place = "/".join(map(str, found["loc"]))
        if found["type"] == "missing":
            raise InputError(f"{where}: malformed: it lacks {place!r}") from None
        if found["type"] == "value_error":
            said = f"{found['ctx']['error']}"
        elif found["type"] == "model_type":
            said = f"must be an object, not {short(found['input'])}"
        elif found["type"] == "too_short":
            said = "must not be empty"
        else:
            said = f"{_SHOULD.sub('must ', found['msg'])}, not {short(found['input'])}"
        which = f"its {place}" if place else "it"
        raise InputError(f"{where}: malformed: {which} {said}") from None
