"""The input elasticsearch keeps its contract with a scroll, too, which cannot go back; marked ``soak``, since it takes a minute."""
from __future__ import annotations

import pytest

from ..plugins.inputs.test_elasticsearch_contract import SearchContract, configured

pytestmark = pytest.mark.soak("OpenSearch, in and out", "opensearch")


class TestScroll(SearchContract):
    config = configured('search_api => "scroll" size => 7')
    wrong = config.replace("secret", "guess")
