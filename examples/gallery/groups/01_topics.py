"""
A landscape of texts
====================

.. image:: /gallery/groups/images/sphx_glr_01_topics_001.png
    :alt: A map of texts, bright where there are many, with the words that stand out in each place

This map shows short texts. Texts on the same topic are neighbors, and topics with common words are
close to each other. Bright cells contain many texts. The words on the map are typical of the texts
at their place.
"""

# %%
# Generated texts
# ---------------
# The page follows the WEBSOM of T. Kohonen and others (2000), Self organization of a massive
# document collection, IEEE Transactions on Neural Networks 11. Each generated text has 40 words.
# Some words belong to its topic, some words to a neighboring topic, and many words to no topic.

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import adjusted_rand_score

from somscape import SOM, plots, regions

TOPICS = {
    "astronomy": "star planet orbit telescope galaxy comet moon light gravity",
    "physics": "energy particle light gravity field wave atom mass experiment",
    "chemistry": "atom molecule acid reaction metal solution experiment heat salt",
    "cooking": "salt heat oven butter flour sauce onion taste recipe",
    "gardening": "onion seed soil rain flower tree spring root taste",
    "weather": "rain wind cloud storm snow spring heat forecast front",
    "sailing": "wind storm boat sail harbor wave rope captain crew",
    "football": "goal team match coach ball league crew season fan",
    "music": "song band concert guitar fan voice rhythm album drum",
    "film": "actor scene camera director script voice film cinema light",
    "computers": "software code memory network script data chip bug screen",
    "banking": "bank loan interest market rate stock data risk account",
}
FILLER = "the of and to in that is was for it with as on be at by this have from or had"
rng = np.random.default_rng(0)
names = [*TOPICS]
words = {name: text.split() for name, text in TOPICS.items()}
topics = np.repeat(names, 150)


def text(topic):
    """Return one text: words of its topic, of one beside it, and filler."""
    beside = names[(names.index(topic) + rng.choice([-1, 1])) % len(names)]
    own, other, filler = rng.multinomial(40, [0.4, 0.1, 0.5])
    parts = zip((words[topic], words[beside], FILLER.split()), (own, other, filler), strict=True)
    return " ".join(np.concatenate([rng.choice(of, n) for of, n in parts]))


texts = [text(topic) for topic in topics]
print(texts[0])

# %%
# Sparse rows
# -----------
# A text is a row with a column for each word, and nearly all values are 0. You can pass such sparse
# rows directly. With ``metric="cosine"``, the length of a text does not count.

vectorizer = TfidfVectorizer(max_df=0.5, sublinear_tf=True)
rows = csr_array(vectorizer.fit_transform(texts))
print(f"{rows.shape[0]} texts, {rows.shape[1]} words, {rows.nnz / np.prod(rows.shape):.0%} not 0")
som = SOM(16, 22, metric="cosine", random_state=0).fit(rows)
found = regions.find_regions(som, len(names))
right = adjusted_rand_score(topics, found.of(rows))
print(f"{found.n_regions} regions, adjusted Rand index {right:.2f} with the topics")

# %%
# A question is also a text. Where on the map is the question, and which texts are near?

asked = "a storm broke the rope of the boat"
unit = som.predict(csr_array(vectorizer.transform([asked])))[0]
near, counts = np.unique(topics[som.labels_ == unit], return_counts=True)
print(f"{asked!r} leads to a unit with {counts.max()} texts on {near[counts.argmax()]}")

# %%
# The picture
# -----------
# A word is at the place where its column is highest, compared with all other words.

lattice = som.map_.lattice
vocabulary = vectorizer.get_feature_names_out()
strongest = {}
for column, word in enumerate(vocabulary):
    strongest.setdefault(int(som.codebook_[:, column].argmax()), word)
labels = [strongest.get(unit, "") for unit in range(som.map_.n_units)]
figure, ax = plt.subplots(figsize=(10, 6.6), layout="constrained")
plots.values(som, np.sqrt(som.map_.hits), colormap="YlOrBr_r", labels=labels, regions=found, ax=ax)
ax.set_title(f"{len(texts):,} texts")
plt.show()
