// The language of a text, guessed from its script: browsers take fonts, glyphs and rules of line breaking from it,
// screen readers their voice. No guess is better than a wrong one.

const scripts = [
  ["th", /[\u0e00-\u0e7f]/g],
  ["lo", /[\u0e80-\u0eff]/g],
  ["km", /[\u1780-\u17ff]/g],
  ["my", /[\u1000-\u109f\uaa60-\uaa7f]/g],
  ["ja", /[\u3040-\u30ff]/g],
  ["ko", /[\uac00-\ud7af]/g],
  ["zh", /[\u4e00-\u9fff]/g],
  ["ta", /[\u0b80-\u0bff]/g],
  ["hi", /[\u0900-\u097f]/g],
  ["ru", /[\u0400-\u04ff]/g],
  ["ar", /[\u0600-\u06ff]/g],
];
const vietnamese = /[ăđơưĂĐƠƯ\u1ea0-\u1ef9]/g;

/** language is the BCP 47 tag of the script that most of the text is in, or "" for Latin text that could be anything. */
export function language(text) {
  const sample = text.slice(0, 2000).normalize("NFC");
  const count = (pattern) => sample.match(pattern)?.length ?? 0;
  const letters = count(/\p{L}/gu);
  for (const [tag, pattern] of scripts) {
    const share = count(pattern) / letters;
    // Japanese text is kanji for the most part; its kana tell it from Chinese.
    if (share > (tag === "ja" ? 0.1 : 0.4)) return tag;
  }
  return count(vietnamese) / letters > 0.05 ? "vi" : "";
}
