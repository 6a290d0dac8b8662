"""The report opens in Chromium, shows its rows and opens a row by a click, without a complaint."""

from webdriver import Browser


def test_a_report_opens_and_shows_a_row(opened: Browser) -> None:
    assert len(opened.texts("#rows tr[data-rank]")) > 0
    opened.click('#rows tr[data-rank="1"] .open button')
    assert opened.run("return document.querySelector('#rows').checkVisibility()")
