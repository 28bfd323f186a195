/** Cyrillic, Greek, Armenian and Cherokee letters that look like Latin ones (Unicode TR 39, in common fonts). */
const lookalikes = new Set(
  [
    "асԁеһіјӏорԛѕуѵԝхҽгкАВСЕНІЈКМОРЅТХУҮԚԜӀ",
    "ανορυιγκτωηΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "օսհոցւզքՕՏՍԼ",
    "ᎪᏴᏟᎠᎬᏀᎻᎥᎫᏦᏞᎷᏢᏒᏚᎢᏙᏔᏃ",
  ].join(""),
);

/** Matches an address, file name or command, without spaces and quotes, optionally after a JSON escape. */
const tokens = /\\(?:["\\/bfnrt]|u[\da-f]{4})|[\p{L}\p{M}\p{N}._@/:+~$%=&?#＠．／․∕⁄⧸-]+/giu;
const words = /[\p{L}\p{M}]+/gu;
const otherScripts = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}]/gu;
const lettersAndDigits = /[^\p{ASCII}\P{L}]|[^\p{ASCII}\P{Nd}]/gu;
const separators = /[＠．／․∕⁄⧸]/gu;
const ascii = /[A-Za-z]/;

/**
 * Escapes lookalikes: letters of another script within a Latin word, words of them in an address or path that also has
 * Latin letters, and typographic forms of letters, digits and separators ("ｐ", "𝐩", "／"). Text in one script stays as
 * it is.
 */
export function markLookalikes(text: string, write: (character: string) => string): string {
  if (/^\p{ASCII}*$/u.test(text)) return text;
  return text.replace(tokens, (token) => {
    if (token.startsWith("\\")) return token;
    const latin = ascii.test(token.normalize("NFKC"));
    const shown = token.replace(words, (word) => {
      const stands = latin && (ascii.test(word) || [...word].every((letter) => lookalikes.has(letter)));
      return stands ? word.replace(otherScripts, write) : word;
    });
    const named = shown.replace(lettersAndDigits, (character) =>
      /^[A-Za-z0-9]+$/.test(character.normalize("NFKC")) ? write(character) : character,
    );
    return latin ? named.replace(separators, write) : named;
  });
}
