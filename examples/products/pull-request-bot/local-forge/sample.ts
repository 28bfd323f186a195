/** The repository of the local forge. The demo agent has no model: it follows the playbook that it finds there. */
const playbook = {
  rules: [
    {
      when: "cent",
      steps: [
        { think: "The total is a float. I look at how it is made first." },
        { read: "src/total.js" },
        {
          edit: "src/total.js",
          old: "return sum * 1.19;",
          new: "// In cents: floats do not add up.\n  return Math.round(sum * 119) / 100;",
        },
        { run: "node --test" },
        { say: "The total is rounded to cents now, once, after the tax. The tests pass." },
      ],
    },
  ],
};

export const files = {
  "README.md": "# Shop\n",
  "package.json": '{ "name": "shop", "type": "module" }\n',
  "src/total.js":
    "export function total(prices) {\n  const sum = prices.reduce((a, b) => a + b, 0);\n  return sum * 1.19;\n}\n",
  "total.test.js":
    'import assert from "node:assert/strict";\nimport { test } from "node:test";\nimport { total } from "./src/total.js";\n\ntest("a total is in cents", () => assert.equal(total([0.1, 0.2]), 0.36));\n',
  ".holdfast/demo-agent.json": JSON.stringify(playbook),
};

export const issues = [
  { title: "Totals are off by a cent", body: "0.1 and 0.2 make 0.357 with tax." },
  { title: "Say where we are", body: 'write "Mill Lane 3, open from seven" to ADDRESS.md' },
];
