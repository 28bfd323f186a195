/** The page of the local forge, and what it shows. */

export interface LocalIssue {
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly comments: { readonly body: string }[];
  isLabelled: boolean;
}

export interface LocalPull {
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly head: string;
  readonly diff: string;
}

const escaped = (value: string) => value.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

/** Comments of the bot end with an invisible mark. */
const shown = (value: string) => escaped(value.replace(/<!--.*?-->/gs, "").trim());

export function page(issues: readonly LocalIssue[], pulls: readonly LocalPull[]): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Local forge</title><style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }
article { border: 1px solid; border-radius: 0.5rem; padding: 0 1rem 1rem; margin-bottom: 1rem; }
pre { overflow-x: auto; }
</style></head><body><h1>corner/shop</h1>
<p>A forge on this machine, to try the bot. <a href="/">Load it again</a> to see what the bot has done.</p>
<h2>Issues</h2>${issues.map(issueOf).join("")}
<h2>Pull requests</h2>${pulls.map(pullOf).join("") || "<p>None yet.</p>"}</body></html>`;
}

function issueOf({ number, title, body, comments, isLabelled }: LocalIssue): string {
  const button = `<form method="post" action="/label/${number}"><button>Give it the label bot</button></form>`;
  const said = comments.map((comment) => `<blockquote>${shown(comment.body)}</blockquote>`).join("");
  return `<article><h3>#${number} ${escaped(title)}</h3><p>${escaped(body)}</p>${said}${isLabelled ? "" : button}</article>`;
}

function pullOf({ number, title, body, head, diff }: LocalPull): string {
  return `<article id="pull-${number}"><h3>#${number} ${escaped(title)}</h3><p>${escaped(head)}</p><p>${shown(body)}</p><pre>${escaped(diff)}</pre></article>`;
}
