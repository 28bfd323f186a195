import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, Loading } from "@holdfast/web-parts";
import { type FileRef, toFileRef } from "@holdfast/web-parts/sandbox";
import { useQuery } from "@tanstack/react-query";
import { searchQuery } from "../queries.ts";
import { maxMatches, workspaceRoot } from "../task-sandbox.ts";
import { type Match, useFileSource } from "./source/file-source.ts";

export type SearchPlace = "names" | "contents";

/** Files whose path, or lines whose text, contain what was typed. */
export function FileSearch({
  place,
  text,
  onShow,
}: {
  readonly place: SearchPlace;
  readonly text: string;
  readonly onShow: (file: FileRef, line?: number) => void;
}) {
  const { data, error, refetch } = useQuery(searchQuery(useFileSource(), place, text));
  if (error !== null) return <ErrorNotice error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <Loading label="Searching" rows={4} />;
  if (data.matches.length === 0) {
    return (
      <p className="workspace-note" role="status">
        {place === "names" ? "No file has this in its path." : "No line contains this text."} Files that git
        ignores are left out.
      </p>
    );
  }
  return (
    <div className="matches">
      <p className="visually-hidden" role="status">
        {data.matches.length} found
      </p>
      <ul aria-label="Found">
        {data.matches.map((match) => (
          <li key={`${toFileRef(match)}:${match.line ?? 0}`}>
            <button type="button" className="match" onClick={() => onShow(toFileRef(match), match.line)}>
              <MatchLabel match={match} />
            </button>
          </li>
        ))}
      </ul>
      {data.truncated && (
        <p className="workspace-note">The first {maxMatches} are shown. Type more to see fewer.</p>
      )}
    </div>
  );
}

function MatchLabel({ match }: { readonly match: Match }) {
  const path = visibleText(match.path.replace(`${workspaceRoot}/`, ""));
  return (
    <>
      <span className="match-path">
        {path}
        {match.line !== undefined && <span className="muted">:{match.line}</span>}
      </span>
      {match.text !== undefined && (
        <code className="match-text">{visibleText(match.text.trim().slice(0, 200))}</code>
      )}
    </>
  );
}
