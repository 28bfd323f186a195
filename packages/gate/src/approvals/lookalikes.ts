/** Letters of Cyrillic, Greek, Armenian and Cherokee that pass for one of Latin (Unicode TR 39, in common fonts). */
const passing = new Set(
  [
    "асԁеһіјӏорԛѕуѵԝхҽгкАВСЕНІЈКМОРЅТХУҮԚԜӀ",
    "ανορυιγκτωηΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "օսհոցւզքՕՏՍԼ",
    "ᎪᏴᏟᎠᎬᏀᎻᎥᎫᏦᏞᎷᏢᏒᏚᎢᏙᏔᏃ",
  ].join(""),
);

/** What addresses, names of files and commands are made of, less blanks and quotes; before it, an escape of JSON. */
const tokens = /\\(?:["\\/bfnrt]|u[\da-f]{4})|[\p{L}\p{M}\p{N}._@/:+~$%=&?#＠．／․∕⁄⧸-]+/giu;
const words = /[\p{L}\p{M}]+/gu;
const otherScripts = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}]/gu;
const lettersAndDigits = /[^\p{ASCII}\P{L}]|[^\p{ASCII}\P{Nd}]/gu;
const separators = /[＠．／․∕⁄⧸]/gu;
const ascii = /[A-Za-z]/;

/**
 * Writes out what stands for another character: letters of another script in a word of Latin ones, whole words of
 * them in an address or a path that has Latin letters too, and letters, digits and separators in their forms for
 * print ("ｐ", "𝐩", "／"). What is written in one script stays as it is.
 */
export function markLookalikes(text: string, write: (character: string) => string): string {
  if (/^\p{ASCII}*$/u.test(text)) return text;
  return text.replace(tokens, (token) => {
    if (token.startsWith("\\")) return token;
    const latin = ascii.test(token.normalize("NFKC"));
    const shown = token.replace(words, (word) => {
      const stands = latin && (ascii.test(word) || [...word].every((letter) => passing.has(letter)));
      return stands ? word.replace(otherScripts, write) : word;
    });
    const named = shown.replace(lettersAndDigits, (character) =>
      /^[A-Za-z0-9]+$/.test(character.normalize("NFKC")) ? write(character) : character,
    );
    return latin ? named.replace(separators, write) : named;
  });
}
