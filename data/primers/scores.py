"""The primers as text: works in the public domain, and one of our own, typed note by note.

A voice is a line of notes. ``F#4/8`` is an eighth, ``/4.`` a dotted quarter, ``/24`` a triplet
sixteenth; a length holds until the next one is given, and ``/2_8`` ties two of them. ``C3+E3`` is a
chord, ``-`` a rest; ``'`` after a note makes it short, ``>`` stresses it, ``^`` rolls a chord from
below. ``|`` is a bar line, and is checked.

``tempo``, ``dynamics`` and ``pedal`` count in quarter notes from the start: ``0:116`` is a tempo
(quarters a minute) or a velocity from there on, ``4-5.5`` a span with the pedal down. Velocity
moves in straight lines from point to point, tempo in steps.
"""

from __future__ import annotations

from dataclasses import dataclass

PUBLIC_DOMAIN = "public domain"
TYPED = "typed for musictx from knowledge of the score"
CHECKED = "typed for musictx; notes checked against the public-domain edition of the Mutopia Project"


@dataclass(frozen=True)
class Voice:
    """One line of notes; `loudness` is added to the dynamics, `held` is how long a plain note lasts."""

    notes: str
    loudness: int = 0
    held: float = 0.96


@dataclass(frozen=True)
class Score:
    """A primer as typed."""

    name: str
    title: str
    composer: str
    description: str
    source: str
    bar: float  # quarters
    tempo: str
    dynamics: str
    voices: tuple[Voice, ...]
    pedal: str = ""
    pickup: float = 0.0  # quarters before the first bar line
    mechanical: bool = False  # exactly in time, and every note equally loud
    licence: str = PUBLIC_DOMAIN


BLACK_KEYS = Score(
    name="chopin-black-keys",
    title="Étude in G-flat major, Op. 10 No. 5, “Black Keys”, bars 1–8",
    composer="Frédéric Chopin",
    description="One whirling figure on the black keys, over crisp chords.",
    source=CHECKED,
    bar=2,
    tempo="0:116 14.5:110 15:102 15.5:94",
    dynamics="0:84 1.9:82 2:62 4:64 7.9:84 8:86 9.9:82 10:62 12:66 14:82 15.9:58",
    voices=(
        Voice(
            """
            Gb6/24 Bb6 Db6 Gb6 Eb6 Gb6 Db6 Gb6 Bb5 Db6 Gb5 Bb5 |
            Gb5 Bb5 Db5 Gb5 Eb5 Gb5 Db5 Gb5 Bb4 Db5 Gb4 Bb4 |
            Db4 Db5 Ab4 Db5 Ab4 Ab5 Ab4 Ab5 Eb5 Ab5 Eb5 Eb6 |
            Eb5 Eb6 Ab5 Eb6 Ab5 Ab6 Ab5 Ab6 Db6 Ab6 Db6 Db7 |
            Gb6 Bb6 Db6 Gb6 Eb6 Gb6 Db6 Gb6 Bb5 Db6 Gb5 Bb5 |
            Gb5 Bb5 Db5 Gb5 Eb5 Gb5 Db5 Gb5 Bb4 Db5 Gb4 Bb4 |
            Eb4 Eb5 Ab4 Eb5 Ab4 Ab5 Eb5 Ab5 Eb5 Eb6 Ab5 Ab6 |
            Bb5 Bb6 Bb5 Bb6 Bb5 Bb6 Bb5 Bb6 Bb5 Bb6 Bb5 Bb6 |
            """,
            held=0.94,
        ),
        Voice(
            """
            Gb3+Bb3+Db4+Gb4'/8 Gb3+Cb4+Eb4+Gb4' Gb3+Bb3+Db4+Gb4' - |
            Gb2+Gb3' Cb4+Eb4+Gb4' Bb3+Db4+Gb4' - |
            Db2+Db3' Ab3+Db4+F4' Ab3+Cb4+Eb4' Ab2' |
            - Ab3+Cb4+Eb4'> Ab3+Cb4+Db4' - |
            Gb3+Bb3+Db4+Gb4' Gb3+Cb4+Eb4+Gb4' Gb3+Bb3+Db4+Gb4' - |
            Gb2+Gb3' Cb4+Eb4+Gb4' Bb3+Db4+Gb4' - |
            Cb3' Ab3+Eb4>/4 Cb3'/8 |
            Bb2+F3+D4^ Bb3+F4+D5^ -/4 |
            """,
            loudness=-8,
        ),
        Voice("-/2 | -/2 | -/2 | Db3/4. -/8 | -/2 | -/2 | -/2 | -/2 |", loudness=-6),
    ),
    pedal="2-2.8 4-4.7 5-5.8 6-6.7 7-7.8 10-10.7 12-13.8 14-15.7",
)

FUR_ELISE = Score(
    name="fur-elise",
    title="Für Elise, WoO 59, bars 1–8",
    composer="Ludwig van Beethoven",
    description="A question turning on a semitone, answered twice over rising broken chords.",
    source=CHECKED,
    bar=1.5,
    pickup=0.5,
    tempo="0:69 11:66",
    dynamics="0:46 2:56 3.5:62 5:54 6.5:50 8:56 9.5:64 11:52 12.5:46",
    voices=(
        Voice(
            """
            E5/16 D#5 | E5 D#5 E5 B4 D5 C5 | A4/8 -/16 C4 E4 A4 | B4/8 -/16 E4 G#4 B4 | C5/8 -/16 E4 E5 D#5 |
            E5 D#5 E5 B4 D5 C5 | A4/8 -/16 C4 E4 A4 | B4/8 -/16 E4 C5 B4 | A4/4
            """,
            loudness=6,
        ),
        Voice(
            """
            -/8 | -/4. | A2/16 E3 A3 - -/8 | E2/16 E3 G#3 - -/8 | A2/16 E3 A3 - -/8 |
            -/4. | A2/16 E3 A3 - -/8 | E2/16 E3 G#3 - -/8 | A2/16 E3 A3 -
            """,
            loudness=-6,
        ),
    ),
    pedal="2-3.4 3.5-4.9 5-6 8-9.4 9.5-10.9 11-12",
)

PRELUDE_IN_C = Score(
    name="bach-prelude-c",
    title="Prelude in C major, BWV 846 (The Well-Tempered Clavier I), bars 1–4",
    composer="Johann Sebastian Bach",
    description="Four chords broken always in the same way, back to where they began.",
    source=TYPED,
    bar=4,
    tempo="0:68",
    dynamics="0:54 4:60 8:66 12:58 16:50",
    voices=(
        Voice(
            """
            -/8 G4/16 C5 E5 G4 C5 E5 -/8 G4/16 C5 E5 G4 C5 E5 |
            -/8 A4/16 D5 F5 A4 D5 F5 -/8 A4/16 D5 F5 A4 D5 F5 |
            -/8 G4/16 D5 F5 G4 D5 F5 -/8 G4/16 D5 F5 G4 D5 F5 |
            -/8 G4/16 C5 E5 G4 C5 E5 -/8 G4/16 C5 E5 G4 C5 E5 |
            """,
        ),
        Voice(
            """
            -/16 E4/8._4 -/16 E4/8._4 | -/16 D4/8._4 -/16 D4/8._4 |
            -/16 D4/8._4 -/16 D4/8._4 | -/16 E4/8._4 -/16 E4/8._4 |
            """,
            loudness=-2,
        ),
        Voice("C4/2 C4 | C4 C4 | B3 B3 | C4 C4 |", loudness=4),
    ),
    pedal="0-3.9 4-7.9 8-11.9 12-15.9",
)

MINUET = Score(
    name="petzold-minuet",
    title="Minuet in G major, BWV Anh. 114, bars 1–8",
    composer="Christian Petzold (long ascribed to Bach)",
    description="A dance in two voices from Anna Magdalena Bach's notebook, halfway through its first part.",
    source=CHECKED,
    bar=3,
    tempo="0:126 22:120",
    dynamics="0:70 6:74 9:80 12:74 18:68 24:62",
    voices=(
        Voice(
            """
            D5/4 G4/8 A4 B4 C5 | D5/4 G4' G4' | E5 C5/8 D5 E5 F#5 | G5/4 G4' G4' |
            C5 D5/8 C5 B4 A4 | B4/4 C5/8 B4 A4 G4 | F#4/4 G4/8 A4 B4 G4 | B4/8 A4/8_2 |
            """,
            loudness=4,
            held=0.9,
        ),
        Voice(
            "G3+B3+D4/2 A3/4 | B3/2. | C4 | B3 | A3 | G3 | D4/4 B3 G3 | D4' D3/8 C4 B3 A3 |",
            loudness=-6,
            held=0.9,
        ),
    ),
)

SONATA_IN_C = Score(
    name="mozart-sonata-c",
    title="Sonata in C major, K. 545, first movement, bars 1–6",
    composer="Wolfgang Amadeus Mozart",
    description="A singing tune over an Alberti bass, then running scales.",
    source=CHECKED,
    bar=4,
    tempo="0:128",
    dynamics="0:64 4:72 7:62 8:70 11:76 16:60 18:78 20:62 22:74 24:58",
    voices=(
        Voice(
            """
            C5/2 E5/4 G5 | B4/4. C5/16 D5 C5/4 - | A5/2 G5/4 C6 | G5 G5/32 F5 G5 F5 E5/16 F5 E5/4 - |
            A4/8 B4/16 C5 D5 E5 F5 G5 A5 G5 F5 E5 D5 C5 B4 A4 |
            G4/8 A4/16 B4 C5 D5 E5 F5 G5 F5 E5 D5 C5 B4 A4 G4 |
            """,
            loudness=6,
            held=0.93,
        ),
        Voice(
            """
            C4/8 G4 E4 G4 C4 G4 E4 G4 | D4 G4 F4 G4 C4 G4 E4 G4 |
            C4 A4 F4 A4 C4 G4 E4 G4 | B3 G4 D4 G4 C4 G4 E4 G4 |
            F4'/4 -/2 F3+C4'/4 | E3+C4' -/2 E3+C4'/4 |
            """,
            loudness=-10,
            held=0.9,
        ),
    ),
)

ODE_TO_JOY = Score(
    name="ode-to-joy",
    title="Ode to Joy (Symphony No. 9, finale), the tune alone",
    composer="Ludwig van Beethoven",
    description="A bare line of single notes, all equally loud, as one finger would play it.",
    source=TYPED,
    bar=4,
    tempo="0:120",
    dynamics="0:80",
    voices=(
        Voice(
            """
            F#4/4 F#4 G4 A4 | A4 G4 F#4 E4 | D4 D4 E4 F#4 | F#4/4. E4/8 E4/2 |
            F#4/4 F#4 G4 A4 | A4 G4 F#4 E4 |
            """,
            held=0.9,
        ),
    ),
    mechanical=True,
)

MOONLIGHT = Score(
    name="moonlight-sonata",
    title="Sonata in C-sharp minor, Op. 27 No. 2, “Moonlight”, bars 1–4",
    composer="Ludwig van Beethoven",
    description="Quiet triplets over slow octaves, before the tune comes in.",
    source=TYPED,
    bar=4,
    tempo="0:66 14:63",
    dynamics="0:44 8:48 11:52 13:50 16:42",
    voices=(
        Voice(
            """
            G#3/12 C#4 E4 G#3 C#4 E4 G#3 C#4 E4 G#3 C#4 E4 | G#3 C#4 E4 G#3 C#4 E4 G#3 C#4 E4 G#3 C#4 E4 |
            A3 C#4 E4 A3 C#4 E4 A3 D4 F#4 A3 D4 F#4 | G#3 B#3 F#4 G#3 C#4 E4 G#3 C#4 D#4 F#3 B#3 D#4 |
            """,
        ),
        Voice("C#2+C#3/1 | B1+B2 | A1+A2/2 F#1+F#2 | G#1+G#2 G#1+G#2 |", loudness=4),
    ),
    pedal="0-3.9 4-7.9 8-9.9 10-11.9 12-13 13-14 14-15 15-15.9",
)

GYMNOPEDIE = Score(
    name="satie-gymnopedie",
    title="Gymnopédie No. 1, bars 3–8",
    composer="Erik Satie",
    description="Two chords rock to and fro, and a slow tune floats in above them.",
    source=CHECKED,
    bar=3,
    tempo="0:78 16:75",
    dynamics="0:42 6:46 7:54 9:60 12:56 15:50 18:44",
    voices=(
        Voice("-/2. | -/2. | -/4 F#5 A5 | G5 F#5 C#5 | B4 C#5 D5 | A4/2. |", loudness=12, held=1.0),
        Voice(
            """
            -/4 B3+D4+F#4/2 | -/4 A3+C#4+F#4/2 | -/4 B3+D4+F#4/2 |
            -/4 A3+C#4+F#4/2 | -/4 B3+D4+F#4/2 | -/4 A3+C#4+F#4/2 |
            """,
            loudness=-4,
        ),
        Voice("G2/2. | D2 | G2 | D2 | G2 | D2 |", loudness=2),
    ),
    pedal="0-2.9 3-5.9 6-8.9 9-11.9 12-14.9 15-17.9",
)

ENTERTAINER = Score(
    name="joplin-entertainer",
    title="The Entertainer, bars 1–8",
    composer="Scott Joplin",
    description="A call in octaves, then a tune that is always a little early over a steady left hand.",
    source=CHECKED,
    bar=2,
    tempo="0:76",
    dynamics="0:84 6:74 7:78 7.5:58 8:60 11:64 12:82 14:76 16:64",
    voices=(
        Voice(
            """
            D6/16 E6 C6 A5/8 B5/16 G5/8 | D5/16 E5 C5 A4/8 B4/16 G4/8 | D4/16 E4 C4 A3/8 B3/16 A3 Ab3 |
            G3'/8 - G4+B4+D5+G5'> D4/16 D#4 |
            E4 C5/8 E4/16 C5/8 E4/16 C5/16_4_16 C5+E5+C6/16 D5+F5+D6 D#5+F#5+D#6 |
            E5+G5+E6 C5+E5+C6 D5+F5+D6 E5+G5+E6/8 B4+D5+B5/16 D5+F5+D6/8 | C5+E5+C6/4. D4/16 D#4 |
            """,
            loudness=4,
            held=0.9,
        ),
        Voice(
            """
            D5/16 E5 C5 A4/8 B4/16 G4/8 | D4/16 E4 C4 A3/8 B3/16 G3/8 | D3/16 E3 C3 A2/8 B2/16 A2 Ab2 |
            G2'/8 - G1+G2'> G3+B3' |
            C3' E3+G3+C4' G2+G3' G3+Bb3+C4' | F2+F3' A3+C4' E2+E3' G3+C4' |
            G2' E3+G3+C4' G2' F3+G3+B3' | C3' E3+G3+C4' E3+G3+C4' G3+B3' |
            """,
            loudness=-6,
            held=0.9,
        ),
    ),
)

CANON = Score(
    name="pachelbel-canon",
    title="Canon in D major, the first two entries, set for piano",
    composer="Johann Pachelbel",
    description="Eight chords that go round for ever; the second voice follows the first.",
    source=CHECKED,
    bar=4,
    tempo="0:72",
    dynamics="0:54 8:62 12:70 16:60",
    voices=(
        Voice("F#5/4 E5 D5 C#5 | B4 A4 B4 C#5 | D5 C#5 B4 A4 | G4 F#4 G4 E4 |", loudness=6, held=1.0),
        Voice("-/1 | -/1 | F#5/4 E5 D5 C#5 | B4 A4 B4 C#5 |", loudness=8, held=1.0),
        Voice(
            """
            D3/8 A3 A2 E3 B2 F#3 F#2 C#3 | G2 D3 D2 A2 G2 D3 A2 E3 |
            D3 A3 A2 E3 B2 F#3 F#2 C#3 | G2 D3 D2 A2 G2 D3 A2 E3 |
            """,
            loudness=-6,
        ),
    ),
    pedal=" ".join(f"{beat}-{beat + 0.95}" for beat in range(16)),
)

CHORALE = Score(
    name="bach-chorale",
    title="Chorale “Aus meines Herzens Grunde”, BWV 269, first part",
    composer="Johann Sebastian Bach",
    description="A hymn in four parts, two lines of it.",
    source=CHECKED,
    bar=3,
    pickup=1,
    tempo="0:92 10:84 11:66 12:92 18:84 19:62",
    dynamics="0:58 5:66 10:60 11:54 12:60 14:70 18:62 21:52",
    voices=(
        Voice(
            """
            G4/4 | G4/2 D5/4 | B4/4. A4/8 G4/4 | G4/4. A4/8 B4/4 |
            A4/2 B4/4 | D5/2 C5/4 | B4 A4/2 | G4/2
            """,
            loudness=8,
            held=0.98,
        ),
        Voice(
            """
            D4/4 | D4 E4 D4 | D4/2 B3/4 | E4/8 D4 E4 F#4 G4/4 |
            F#4/2 G4/4 | D4 E4 F#4 | G4/2 F#4/4 | D4/2
            """,
            loudness=-4,
            held=0.98,
        ),
        Voice(
            """
            B3/4 | B3 C4/8 B3 A3/4 | G3 F#3 G3 | C4/8 B3 C4/4 D4 |
            D4/2 D4/4 | A3 B3 C4 | D4 E4 D4/8 C4 | B3/2
            """,
            loudness=-4,
            held=0.98,
        ),
        Voice(
            "G2/4 | G3 E3 F#3 | G3 D3 E3 | C3 B2/8 A2 G2/4 | D3/2 G2/4 | F#2 G2 A2 | B2 C3 D3 | G2/2",
            loudness=2,
            held=0.98,
        ),
    ),
)

GREENSLEEVES = Score(
    name="greensleeves",
    title="Greensleeves, the first strain",
    composer="anonymous (England, 16th century)",
    description="An old tune swaying in six-eight over broken chords, left hanging on the dominant.",
    source="typed for musictx; the setting is our own",
    bar=3,
    pickup=0.5,
    tempo="0:84 11:78",
    dynamics="0:52 2:64 3.5:70 6.5:62 8:68 9.5:70 12.5:54",
    voices=(
        Voice(
            """
            A4/8 | C5/4 D5/8 E5/8. F#5/16 E5/8 | D5/4 B4/8 G4/8. A4/16 B4/8 |
            C5/4 A4/8 A4/8. G#4/16 A4/8 | B4/4 G#4/8 E4/4. |
            """,
            loudness=10,
            held=0.98,
        ),
        Voice(
            """
            -/8 | A2 E3 A3 C4 A3 E3 | G2 D3 G3 B3 G3 D3 | A2 E3 A3 C4 A3 E3 | E2 B2 E3 G#3 B3 E3 |
            """,
            loudness=-8,
        ),
    ),
    pedal="0.5-3.4 3.5-6.4 6.5-9.4 9.5-12.4",
    licence="tune in the public domain; the setting is CC0 1.0",
)

LOOP = Score(
    name="two-bar-loop",
    title="Two-bar loop",
    composer="musictx",
    description="A riff over two bars, played twice and begun once more: will the model keep it going?",
    source="written for musictx",
    bar=4,
    tempo="0:104",
    dynamics="0:72 8:76 16:80 20:78",
    voices=(
        Voice(
            """
            E5/8 A4 C5 E5 D5' C5 -/8 A4 | E5/8 A4 C5 E5 G5' E5 D5 C5 |
            E5/8 A4 C5 E5 D5' C5 -/8 A4 | E5/8 A4 C5 E5 G5' E5 D5 C5 |
            E5/8 A4 C5 E5 D5' C5 -/8 A4 |
            """,
            loudness=6,
            held=0.92,
        ),
        Voice(
            """
            A2'/8 A3+C4+E4' - A3+C4+E4' A2' A3+C4+E4' - A3+C4+E4' |
            F2' A3+C4+F4' - A3+C4+F4' G2' G3+B3+D4' - G3+B3+D4' |
            A2'/8 A3+C4+E4' - A3+C4+E4' A2' A3+C4+E4' - A3+C4+E4' |
            F2' A3+C4+F4' - A3+C4+F4' G2' G3+B3+D4' - G3+B3+D4' |
            A2'/8 A3+C4+E4' - A3+C4+E4' A2' A3+C4+E4' - A3+C4+E4' |
            """,
            loudness=-8,
        ),
    ),
    licence="CC0 1.0",
)

# In the order of the page's cards, which checkpoints/cards.py measures.
SCORES = (
    SONATA_IN_C,
    MINUET,
    LOOP,
    FUR_ELISE,
    GREENSLEEVES,
    MOONLIGHT,
    PRELUDE_IN_C,
    ENTERTAINER,
    CANON,
    BLACK_KEYS,
    CHORALE,
    ODE_TO_JOY,
    GYMNOPEDIE,
)
