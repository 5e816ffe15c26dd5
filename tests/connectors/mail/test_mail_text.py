# ruff: noqa: RUF001 - mails are written in the scripts of their languages
import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mail.charsets import decode_text
from connectors.mail.html_text import html_to_text
from connectors.mail.params import media_type, parse_parameters
from connectors.mail.quotes import reply_text
from connectors.mail.texts import unflow
from connectors.mail.transfer import decode_base64, decode_transfer, split_uuencoded
from connectors.mail.words import decode_value


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"=?utf-8?B?w7w=?= and =?iso-8859-1?Q?=FC?=", "ü and ü"),
        (b"=?utf-8?Q?a?=\r\n =?utf-8?Q?b?=", "ab"),
        (b"=?utf-8?B?w?= =?utf-8?B?7w=?=", "ü"),
        (b"=?utf-8?Q?a b?c=3D?= x", "a b?c= x"),
        (b"=?utf-8?Q?never_ended", "never ended"),
        (b"=?utf-8*en?Q?f=C3=BCr?=", "für"),
        (b"=?utf8mb4?Q?f=C3=BCr?=", "für"),
        (b"=?nobody-knows?Q?f=FCr?=", "für"),
        (b"100 =? 200", "100 =? 200"),
        ("größer".encode(), "größer"),
        ("größer".encode("latin-1"), "größer"),
        ("Тема письма".encode("cp1251"), "Тема письма"),
        ("Тема письма".encode("koi8-r"), "Тема письма"),
        ("お問い合わせの件".encode("cp932"), "お問い合わせの件"),
        ("お問い合わせの件".encode("euc_jp"), "お問い合わせの件"),
        ("배송이 늦어요".encode("cp949"), "배송이 늦어요"),
        ("我的订单还没有到".encode("gbk"), "我的订单还没有到"),
    ],
)
def test_header_text_is_read_however_it_is_written(written: bytes, read: str) -> None:
    assert decode_value(written) == read


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        ("utf8mb4", "utf-8", "ü"),
        ("cp-1252", "cp1252", "“ü”"),
        ("ks_c_5601-1987", "cp949", "한국어"),
        ("iso-8859-8-i", "iso8859_8", "שלום"),
        ("Windows-1251", "cp1251", "Привет"),
        ("win-1251", "cp1251", "Привет"),
        ("x-sjis", "cp932", "日本語"),
        ("GB2312", "gb18030", "镕"),
        ("unicode-1-1-utf-7", "utf-7", "ü"),
        ('"utf-8"', "utf-8", "ü"),
        ("utf-16le", "utf-16le", "ü"),
    ],
)
def test_charset_names_are_taken_as_meant(charset: str, codec: str, text: str) -> None:
    assert decode_text(text.encode(codec), charset) == text


def test_utf8_under_a_wrong_label_is_still_utf8() -> None:
    assert decode_text("Größe".encode(), "us-ascii") == "Größe"
    assert decode_text("Größe".encode(), "iso-8859-1") == "Größe"


@given(st.binary(max_size=300), st.text(max_size=20))
def test_decoding_never_raises(data: bytes, charset: str) -> None:
    assert isinstance(decode_text(data, charset), str)
    assert decode_value(data, charset).isprintable() or decode_value(data, charset)
    assert isinstance(media_type(data), str)
    parameters = parse_parameters(data)
    assert isinstance(parameters.text("name"), str)
    assert isinstance(decode_transfer(data, charset.encode()), bytes)
    assert isinstance(split_uuencoded(data)[0], bytes)


def test_parameters_are_read_in_every_dress() -> None:
    field = b'application/x; name*0*=utf-8\'\'f%C3%BC; name*1="r.txt"; a = "q\\"uo;ted" ; b=bare words; B=second'
    parameters = parse_parameters(field)
    assert parameters.text("name") == "für.txt"
    assert parameters.text("a") == 'q"uo;ted'
    assert parameters.text("b") == "bare words"


@given(st.binary(max_size=200), st.integers(0, 8))
def test_truncated_base64_keeps_its_whole_octets(content: bytes, cut: int) -> None:
    encoded = base64.encodebytes(content)
    kept = decode_base64(encoded[: max(0, len(encoded) - cut)])
    assert content.startswith(kept)
    assert len(kept) >= len(content) - cut - 1


def test_text_after_base64_padding_is_left_out() -> None:
    assert decode_base64(b"aGVsbG8=\r\n").startswith(b"hello")


def test_flowed_text_is_joined_within_one_depth() -> None:
    assert unflow("one \ntwo\n> three \n> four\n-- \nsig", delete_space=False) == "one two\n> three four\n-- \nsig"
    assert unflow("日本 \n語", delete_space=True) == "日本語"


def test_html_becomes_lines_without_scripts_and_styles() -> None:
    source = "<style>p{}</style><!-- x --><p>One &amp; two<br>three</p><script>if (a<b) {}</script>"
    source += "<td>a</td><td>b</td><img alt='logo'>"
    assert html_to_text(source) == "One & two\nthree\n\na b logo"


@pytest.mark.parametrize("piece", ["<div>", "<b> ", "<!--", "<a ", '<a "', "<script>", "<", "&#1;", "<pre>  "])
def test_hostile_html_costs_little(piece: str) -> None:
    started = time.process_time()
    html_to_text(piece * (300_000 // len(piece)))
    assert time.process_time() - started < 5  # quadratic would be minutes


QUOTES = [
    "On Mon, Mar 2, 2026 at 10:00 AM Ann <ann@home.example> wrote:",
    "On Monday, Ann Lee with a very long name\n<ann@home.example> wrote:",
    "Am 02.03.2026 um 10:00 schrieb Ann:",
    "Le lun. 2 mars 2026 à 10:00, Ann <ann@home.example> a écrit :",
    "El lun, 2 mar 2026 a las 10:00, Ann (<ann@home.example>) escribió:",
    "Il giorno lun 2 mar 2026 alle ore 10:00 Ann <ann@home.example> ha scritto:",
    "Em seg., 2 de mar. de 2026 às 10:00, Ann <ann@home.example> escreveu:",
    "Op ma 2 mrt 2026 om 10:00 schreef Ann <ann@home.example>:",
    "W dniu 02.03.2026 o 10:00, Ann pisze:",
    "Den mån 2 mars 2026 kl 10:00 skrev Ann <ann@home.example>:",
    "2 марта 2026 г. в 10:00, Ann <ann@home.example> написал(а):",
    "пн, 2 мар. 2026 г. в 10:00, Ann <ann@home.example>:",
    "2026年3月2日(月) 10:00 Ann <ann@home.example>:",
    "-----Original Message-----",
    "-----Ursprüngliche Nachricht-----",
    "From: Ann\nSent: Monday\nTo: Support\nSubject: x",
    "________________________________\nVon: Ann\nGesendet: Montag\nAn: Support\nBetreff: x",
    "От: Ann\nОтправлено: понедельник\nКому: Support\nТема: x",
    "差出人: Ann\n送信日時: 2026年3月2日\n宛先: Support\n件名: x",
]


@pytest.mark.parametrize("quote", QUOTES)
def test_quotations_are_cut_in_many_languages(quote: str) -> None:
    assert reply_text(f"The new text.\n\n{quote}\n\nold text\n> older") == "The new text."
    assert reply_text(f"The new text.\n\n{quote}\n> old text\n> older\n") == "The new text."


def test_answers_between_and_below_quotes_are_kept() -> None:
    text = "On Monday 2 March, Ann wrote:\n> first?\nyes\n> second?\nno"
    assert reply_text(text) == text
    below = "Hello,\n\nOn 2 March, Ann wrote:\n> a question?\n\nMy answer."
    assert reply_text(below) == below


def test_when_nothing_is_left_all_is_kept() -> None:
    assert reply_text("> only\n> quoted") == "> only\n> quoted"


def test_signatures_are_cut() -> None:
    assert reply_text("text\n\n-- \nAnn\nShop") == "text"
    assert reply_text("text\n\nSent from my iPhone\n") == "text"


def test_plain_sentences_are_no_quotation() -> None:
    text = "On my order 12 you wrote: sold out.\nFrom: the station I walked.\nWhat I wrote was this:\nnothing 1 to see"
    assert reply_text(text) == text


@given(st.text(alphabet=st.sampled_from("On wrote:>\n -1<@Fromx "), max_size=200))
def test_reply_text_is_never_empty_when_text_is_not(text: str) -> None:
    assert bool(reply_text(text)) == bool(text.strip())
