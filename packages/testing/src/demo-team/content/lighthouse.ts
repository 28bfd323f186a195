import { type PlaybookRule, packageFile, playbookFile, styleTool } from "./playbook.ts";

const letters = `const letters: Readonly<Record<string, string>> = {
  A: ".-", B: "-...", C: "-.-.", D: "-..", E: ".", F: "..-.", G: "--.", H: "....", I: "..",
  J: ".---", K: "-.-", L: ".-..", M: "--", N: "-.", O: "---", P: ".--.", Q: "--.-", R: ".-.",
  S: "...", T: "-", U: "..-", V: "...-", W: ".--", X: "-..-", Y: "-.--", Z: "--..",
};
`;

const lettersAndDigits = `${letters}
const digits: Readonly<Record<string, string>> = {
  0: "-----", 1: ".----", 2: "..---", 3: "...--", 4: "....-",
  5: ".....", 6: "-....", 7: "--...", 8: "---..", 9: "----.",
};
`;

const flash = `${letters}
/** The flashes of a text in Morse code. Throws for a character that has none. */
export function flashes(text: string): string {
  return [...text.toUpperCase()].map(flash).join(" ");
}

function flash(character: string): string {
  const found = character === " " ? "/" : letters[character];
  if (found === undefined) throw new RangeError(\`There are no flashes for "\${character}"\`);
  return found;
}
`;

const flashTest = `import assert from "node:assert/strict";
import { test } from "node:test";
import { flashes } from "../src/flash.ts";

test("flashes letters and spaces", () => {
  assert.equal(flashes("SOS"), "... --- ...");
  assert.equal(flashes("go on"), "--. --- / --- -.");
});

test("refuses what has no flashes", () => {
  assert.throws(() => flashes("#"), /There are no flashes/);
});
`;

const digitsTest = `
test("flashes digits", () => {
  assert.equal(flashes("Pier 7"), ".--. .. . .-. / --...");
});
`;

const rules: readonly PlaybookRule[] = [
  {
    when: "digit|number",
    steps: [
      { read: "src/flash.ts" },
      { say: "Each digit has five flashes in the international code. " },
      { edit: "src/flash.ts", old: letters, new: lettersAndDigits },
      {
        edit: "src/flash.ts",
        old: 'character === " " ? "/" : letters[character];',
        new: 'character === " " ? "/" : (letters[character] ?? digits[character]);',
      },
      { edit: "test/flash.test.ts", old: flashTest, new: `${flashTest}${digitsTest}` },
      { run: "node --test && node tools/style.ts" },
      { say: "Digits are flashed too, with a test. " },
    ],
  },
];

export const lighthouse = {
  name: "harbor/lighthouse",
  files: {
    "README.md": `# Lighthouse

Turns texts into flashes: \`flashes("SOS")\` is \`... --- ...\`.
`,
    "package.json": packageFile("lighthouse"),
    ".gitignore": "node_modules/\n",
    ".holdfast/demo-agent.json": playbookFile(rules),
    "src/flash.ts": flash,
    "test/flash.test.ts": flashTest,
    "tools/style.ts": styleTool,
  },
  pulls: [
    {
      branch: "how-long",
      title: "Say in the README how long a flash is",
      body: "Keepers asked for it.",
      author: "ada",
      files: {
        "README.md": `# Lighthouse

Turns texts into flashes: \`flashes("SOS")\` is \`... --- ...\`.

A dot is one unit of time, a dash is three. Letters are three units apart, words seven.
`,
      },
      comments: [],
    },
  ],
} as const;
