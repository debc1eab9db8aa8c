"""Mutants of C++ sources: one small change each, of the kinds that a careful reader makes by mistake.

The catalogue knows no grammar. It looks at the text as clang-format leaves it (an operator of two
operands stands between spaces, a template's brackets do not), with comments, texts and preprocessor
lines blotted out. A change that does not compile is no mutant; tests/mutate finds that out.
"""

import dataclasses
import re

# What stands between spaces, and what it becomes.
OPERATORS = {
    "boundary": {"<": "<=", "<=": "<", ">": ">=", ">=": ">"},
    "direction": {"<": ">", ">": "<", "<=": ">=", ">=": "<="},
    "equality": {"==": "!=", "!=": "=="},
    "arithmetic": {"+": "-", "-": "+", "+=": "-=", "-=": "+="},
}
NAMES = {"true": "false", "false": "true", "std::min": "std::max", "std::max": "std::min",
         "lower_bound": "upper_bound", "upper_bound": "lower_bound"}
# Statements that tell people, programmers or tests something, and change nothing.
SILENT = re.compile(r"(\w*logger\w*(->|\.)|SYNCLINE_CHECK|CrashPoint\(|[\w.>-]+\.reserve\()")
NO_STATEMENT = re.compile(r"(return|if|for|while|switch|case|default|using|namespace|class|struct|"
                          r"public|private|protected|template|static_assert|else|do|try|goto|"
                          r"enum|typedef|delete|const|auto|static|constexpr)\b")
STATEMENT = re.compile(r"(?:throw\b|\+\+|--|\*?\(?[A-Za-z_:][\w:]*(?:(?:\.|->)\w+|\[[^\]\n]*\]|"
                       r"\([^()\n]*\))*(?:\(| = | \+= | -= |\+\+|--))")


@dataclasses.dataclass(frozen=True)
class Mutant:
    path: str
    line: int
    kind: str
    start: int  # in the file's text
    end: int
    text: str  # what stands there instead

    def apply(self, source):
        return source[: self.start] + self.text + source[self.end :]

    def change(self, source):
        """The change in one line, for people."""
        before = " ".join(source[self.start : self.end].split())
        after = " ".join(self.text.split())
        around = source[source.rfind("\n", 0, self.start) + 1 :].split("\n", 1)[0].strip()
        if self.kind.startswith("without"):
            return f"{self.kind}: `{shortened(before, 90)}`"
        if self.kind in ("negated", "always"):
            return f"{self.kind}: `{shortened(before, 90)}`"
        return f"{self.kind}: `{before}` to `{after}` in `{shortened(around, 80)}`"


def shortened(text, length):
    return text if len(text) <= length else text[: length - 3] + "..."


BLOTTED = re.compile(
    r'R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"'  # raw texts
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Za-z])'(?:\\.|[^'\\\n])+'"  # not the one between digits
    r"|//[^\n]*|/\*.*?\*/"
    r"|^[ \t]*#(?:\\\n|[^\n])*",
    re.DOTALL | re.MULTILINE,
)


def blotted(source):
    """The source, of the same length, with what is no code replaced; texts keep their quotes."""

    def blot(match):
        text = match.group(0)
        if text[-1] not in "\"'" or text.startswith(("/", "#", " ")):
            return re.sub(r"[^\n]", " ", text)
        return text[0] + re.sub(r"[^\n]", "\x01", text[1:-1]) + text[-1]

    return BLOTTED.sub(blot, source)


def matching(code, at, step):
    """The place behind (before) the operand that begins (ends) at `at`."""
    opening, closing = ("([{", ")]}") if step > 0 else (")]}", "([{")
    depth = 0
    while 0 <= at < len(code):
        char = code[at]
        if char in opening:
            depth += 1
        elif char in closing:
            if depth == 0:
                return at
            depth -= 1
        elif depth == 0:
            two = code[at : at + 2] if step > 0 else code[at - 1 : at + 1]
            if two in ("&&", "||") or char in ";,?" or (char == ":" and ":" not in (code[at - 1], code[at + 1])):
                return at
            if step < 0 and (char == "=" and code[at - 1] == " " and code[at + 1] == " "):
                return at
            if step < 0 and code[: at + 1].endswith(("return", "co_return")) and code[at + 1].isspace():
                return at
        at += step
    return None


def closing(code, at):
    """The place of the bracket that closes what is open at `at`."""
    depth = 0
    while depth > 0 or code[at] not in ")]}":
        depth += (code[at] in "([{") - (code[at] in ")]}")
        at += 1
    return at


def operands(code):
    """What is joined by && and ||, one at a time taken as given."""
    for match in re.finditer(r" (&&|\|\|)\s", code):
        given = "true" if match[1] == "&&" else "false"
        left = matching(code, match.start(), -1)
        right = matching(code, match.end(), +1)
        for start, end in ((left + 1 if left is not None else None, match.start()), (match.end(), right)):
            if start is None or end is None:
                continue
            text = code[start:end]
            start += len(text) - len(text.lstrip())
            text = text.strip()
            if text and text not in ("true", "false") and "\n\n" not in text:
                yield "without an operand", start, start + len(text), given


def statements(code):
    """Whole statements that are not there."""
    for match in re.finditer(r"(?:(?<=\n)[ \t]+|(?<=\) ))(?=\S)", code):
        start = match.end()
        if code[start:start + 1] in "}{)" or NO_STATEMENT.match(code, start) or not STATEMENT.match(code, start):
            continue
        # A line that goes on from the one before is no statement.
        if not re.search(r"[;{})]\s*$|else\s*$|:\s*$", code[max(0, start - 200) : start]):
            continue
        end, depth = start, 0
        while end < len(code) and (code[end] != ";" or depth > 0):
            depth += (code[end] in "([{") - (code[end] in ")]}")
            if depth < 0:
                break
            end += 1
        if end >= len(code) or depth != 0 or "\n\n" in code[start:end]:
            continue
        if re.match(r"[\w:]+(<[^;=]*>)?[ *&]+\w+\(", code[start:end]) and not code.startswith("throw", start):
            continue  # a declaration
        yield "without the statement", start, end, ""


def found(code):
    for kind, changes in OPERATORS.items():
        for match in re.finditer(r" (<=|>=|==|!=|\+=|-=|<|>|\+|-) ", code):
            if match[1] not in changes:
                continue
            if kind == "arithmetic" and '"' in code[match.start() - 1] + code[match.end()]:
                continue  # texts are joined
            yield kind, match.start(1), match.end(1), changes[match[1]]
    for name, other in NAMES.items():
        for match in re.finditer(rf"(?<![\w:]){name}\b", code):
            yield "exchanged", match.start(), match.end(), other
    for match in re.finditer(r"(?<=[(\s])!(?=[\w(])", code):
        yield "without a negation", match.start(), match.end(), ""
    for match in re.finditer(r"(?<=\bif \()(?=\S)", code):
        end = closing(code, match.end())
        condition = code[match.end() : end]
        if ";" not in condition and not re.fullmatch(r"![\w.:>*()-]+", condition):
            yield "negated", match.end(), end, ""
        if ";" not in condition:
            yield "always", match.end(), end, "true"
    yield from operands(code)
    yield from statements(code)


def function_around(source, at):
    """The first and the last line of the function, or of what else stands in column 0, around a place."""
    begin = max(source.rfind(mark, 0, at) for mark in ("\n}\n", "\n};\n", "\n\n#", "\n\nnamespace "))
    ends = [end for end in (source.find(mark, at) for mark in ("\n}\n", "\n};\n")) if end >= 0]
    return source.count("\n", 0, begin + 1) + (2 if begin >= 0 else 1), source.count("\n", 0, min(ends, default=len(source) - 1)) + 2


def mutants_of(path, source):
    """All mutants of a file, by their places."""
    code = blotted(source)
    made = {}
    for kind, start, end, text in found(code):
        if kind == "negated":  # of the text itself, not of what is blotted
            text = "!(" + source[start:end] + ")"
        if SILENT.match(source, start):
            continue
        line = source.count("\n", 0, start) + 1
        made.setdefault((start, end, text), Mutant(path, line, kind, start, end, text))
    return [made[key] for key in sorted(made)]
