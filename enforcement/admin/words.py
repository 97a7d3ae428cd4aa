"""The exact words of a mail: the text as text, the HTML in a box that runs nothing and asks nobody."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from enforcement.admin.display import shown
from enforcement.admin.pages import Section

# The sandbox runs no script, sends no form and opens no window, so that a click on a link (they aim at a new window)
# leads nowhere; the policy asks no server for anything.
_FENCE = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    '<base target="_blank">'
)


def words_sections(*, subject: str, text: str, html: str) -> list[Section]:
    """Nothing where nothing was written yet."""
    if not text:
        return [Section("Words", note="Not written yet: the words are made when the mail is about to be sent.")]
    return [
        Section("Subject", note=subject),
        Section("Text", note=format_html('<pre class="ae-words">{}</pre>', shown(text))),
        Section("HTML", note=_framed(html)),
    ]


def _framed(html: str) -> SafeString:
    return format_html('<iframe class="ae-mail" sandbox srcdoc="{}" title="The HTML part"></iframe>', f"{_FENCE}{html}")
