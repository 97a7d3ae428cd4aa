"""What browsers may do with our answers: nothing that is not named here. No external host ever is."""

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
CONTENT_SECURITY_POLICY_RELAXED = {
    "/admin/": {
        # The theme's Alpine compiles the expressions that stand in its templates. No script stands in a page.
        "script-src": [SELF, UNSAFE_EVAL],
        # The theme writes its colours into a style element of every page, Alpine writes style attributes, and a memo
        # is shown with the styles that mail programs need. Images, fonts and requests stay at home, so that no
        # style could carry anything away.
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
    },
    "/api/docs/": {
        "style-src": [SELF, "'sha256-MMpT0iDxyjALd9PdfepImGX3DBfJPXZ4IlDWdPAgtn0='"],  # the one style of its template
        "img-src": [SELF, "data:"],  # the icons of Swagger UI stand in its style sheet
    },
}
ANSWER_HEADERS = {
    "Permissions-Policy": ", ".join(
        f"{feature}=()"
        for feature in ("camera", "microphone", "geolocation", "payment", "usb", "browsing-topics", "display-capture")
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
}
