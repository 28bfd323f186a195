import { Empty, usePageTitle } from "@holdfast/web-parts";
import type { TypeProblem } from "../../dev-status.ts";
import { problemCount } from "./problems.ts";
import { useFeed } from "./status-feed.ts";

/** Why the newest version does not run, and what the compiler says about types. */
export function ProblemsScreen() {
  usePageTitle("Problems");
  const { status } = useFeed();
  const { problem, types } = status ?? {};
  return (
    <div className="page dev-problems">
      <div className="page-head">
        <h1>Problems</h1>
      </div>
      {problemCount(status) === 0 && (
        <Empty title="No problems">
          {types === undefined
            ? "The program runs. Types are checked where the project has TypeScript and a tsconfig.json."
            : "The program runs, and its types are right."}
        </Empty>
      )}
      {problem !== undefined && (
        <section aria-labelledby="start-problem">
          <h2 id="start-problem">{problem.title}</h2>
          {/* Its text wraps, so that it needs no scrolling by keyboard. */}
          <pre className="dev-error">{problem.text}</pre>
        </section>
      )}
      {types !== undefined && types.length > 0 && <TypeProblems types={types} />}
    </div>
  );
}

function TypeProblems({ types }: { readonly types: readonly TypeProblem[] }) {
  return (
    <section aria-labelledby="type-problems">
      <h2 id="type-problems">Types</h2>
      <ul className="rows" aria-label="Type errors">
        {types.map(({ file, line, column, code, message }, index) => (
          <li className="row" key={index}>
            <div className="row-main">
              <p className="mono small muted">
                {file}:{line}:{column} {code}
              </p>
              <p className="dev-type-message">{message}</p>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
