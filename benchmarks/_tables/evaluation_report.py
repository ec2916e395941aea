"""The page of an evaluation: how long it takes, and how large it is."""

from __future__ import annotations

from _tables._layout import Results, table

__all__ = ["NEEDS", "TABLES"]

NEEDS = ("evaluation_report",)


def _evaluation_report(results: Results) -> list[str]:
    found = results["evaluation_report"]
    median, limits = found["median"], found["limits"]
    rows = [
        ["predicting", f"{median['predicting_s']:.1f} s", ""],
        ["figures and their intervals", f"{median['figures_s']:.1f} s", ""],
        ["the page", f"{median['page_s']:.1f} s", ""],
        [
            "beyond predicting",
            f"{median['beyond_s']:.1f} s",
            f"{limits['beyond_s']:.0f} s: {'kept' if median['beyond_s'] < limits['beyond_s'] else '**not kept**'}",
        ],
        [
            "size of the page",
            f"{median['megabytes']:.1f} MB",
            f"{limits['megabytes']:.0f} MB: {'kept' if median['megabytes'] <= limits['megabytes'] else '**not kept**'}",
        ],
        [
            "pictures shown, of them mistakes with where the model looked",
            f"{median['shown']:,.0f}, {median['explained']:.0f}",
            "",
        ],
    ]
    return table([f"{found['pictures']:,} pictures", "median", "limit"], rows)


TABLES = {"evaluation_report": _evaluation_report}
