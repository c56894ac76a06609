"""Policies made ready: what they say about an action is looked up once, and then costs a match or two.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from clary.services.iam.policy.condition import Condition, compile_condition
from clary.services.iam.policy.pattern import Context, Patterns
from clary.services.iam.policy.principal import Asker, Naming, Principals

Document = Mapping[str, Any]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a policy stands, as SimulatePrincipalPolicy names it."""

    id: str  # the policy's name or ARN
    type: str = ""  # user, group, role, aws-managed, user-managed, resource
    text: str = ""  # as it came


class Statement:
    """One statement. What it does not say stands open."""

    __slots__ = ("_conditions", "_negative", "_resources", "_verbs", "allows", "index", "keys", "principals", "source")

    def __init__(self, element: Document, index: int, source: Source, *, variables: bool) -> None:
        self.source = source
        self.index = index
        self.allows = element["Effect"] == "Allow"
        actions = element.get("Action", element.get("NotAction"))
        self._verbs = Patterns(listed(actions), lower=True)
        resources = element.get("Resource", element.get("NotResource", "*"))
        self._resources = Patterns(listed(resources), variables=variables)
        self._negative = ("NotAction" in element, "NotResource" in element)
        self.keys: tuple[str, ...] = tuple(key for keys in element.get("Condition", {}).values() for key in keys)
        self._conditions: tuple[Condition, ...] = tuple(
            compile_condition(name, key, value, variables=variables)
            for name, keys in element.get("Condition", {}).items()
            for key, value in keys.items()
        )
        self.principals: tuple[Principals, bool] | None = None
        for member in ("Principal", "NotPrincipal"):
            if member in element:
                self.principals = (Principals(element[member]), member == "NotPrincipal")

    def speaks_of(self, action: str) -> bool:
        """`action` is in lower case."""
        return self._verbs.match(action, Context()) != self._negative[0]

    def reaches(self, resource: str, context: Context) -> bool:
        return self._resources.match(resource, context) != self._negative[1]

    def holds(self, resource: str, context: Context) -> bool:
        """Whether it applies to this resource under these conditions; action and principal are asked elsewhere."""
        return self._resources.match(resource, context) != self._negative[1] and all(
            condition(context) for condition in self._conditions
        )

    def naming(self, asker: Asker) -> Naming | None:
        """How it names the asker. A statement without a principal stands in the asker's own policy."""
        if self.principals is None:
            return "identity"
        principals, negative = self.principals
        if negative:
            return None if principals.exempts(asker) else "anyone"
        return principals.naming(asker)


def statements(document: Document, source: Source) -> list[Statement]:
    """The statements of a policy that grammar.check has passed."""
    variables = document.get("Version") == "2012-10-17"
    elements = listed(document["Statement"])
    return [Statement(element, i, source, variables=variables) for i, element in enumerate(elements)]


class Rules:
    """What policies of one kind say about one action."""

    __slots__ = ("allows", "denies")

    def __init__(self, found: list[Statement]) -> None:
        self.denies = tuple(s for s in found if not s.allows)
        self.allows = tuple(s for s in found if s.allows)

    def denying(self, resource: str, context: Context) -> Statement | None:
        for statement in self.denies:
            if statement.holds(resource, context):
                return statement
        return None

    def allowing(self, resource: str, context: Context) -> Statement | None:
        for statement in self.allows:
            if statement.holds(resource, context):
                return statement
        return None


class Policies:
    """Policies of one kind taken together: all those of a user, say."""

    __slots__ = ("_rules", "all")

    def __init__(self, found: Iterable[Statement]) -> None:
        self.all = tuple(found)
        self._rules: dict[str, Rules] = {}

    def rules(self, action: str) -> Rules:
        known = self._rules.get(action)
        if known is None:
            verb = action.lower()
            known = self._rules[action] = Rules([s for s in self.all if s.speaks_of(verb)])
        return known
