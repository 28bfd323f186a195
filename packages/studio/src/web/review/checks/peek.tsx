import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, Loading } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { useApi } from "../../shared/context.ts";
import type { Place } from "./place.ts";

const around = 4;

/** A line of a file that has no changes, with those around it. */
export function Peek({
  taskId,
  tree,
  place: { path, line },
}: {
  readonly taskId: string;
  readonly tree: string;
  readonly place: Place;
}) {
  const api = useApi();
  const start = Math.max(1, line - around);
  const query = useQuery({
    queryKey: ["lines", taskId, tree, path, start],
    queryFn: () => api.task(taskId).fileLines({ tree, path, start, end: line + around }),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (query.isError) return <ErrorNotice error={query.error} />;
  if (query.data === undefined) return <Loading label="Loading the lines" rows={2} />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard.
    // biome-ignore lint/a11y/useSemanticElements: no fieldset.
    <div className="diff-scroll peek" tabIndex={0} role="group" aria-label={`Lines of ${path}`}>
      <table className="diff-table">
        <tbody>
          {query.data.lines.map((text, index) => {
            const number = start + index;
            return (
              <tr key={number} className={number === line ? "diff-selected" : undefined}>
                <td className="diff-number" data-line={number} />
                <td className="diff-code">{visibleText(text)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
