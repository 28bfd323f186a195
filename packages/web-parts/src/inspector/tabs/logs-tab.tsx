import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { formatClock } from "../../format.ts";
import { Empty, ErrorNotice, Loading } from "../../index.ts";
import { useOpenActor } from "../api/context.ts";
import { mergeRecords, recordKey } from "../api/log-records.ts";
import { logsQuery } from "../api/queries.ts";
import type { LogRecord } from "../api/types.ts";
import { SelectField, TextField } from "../parts/fields.tsx";
import { useStickToEnd } from "../parts/stick-to-end.ts";
import { Value } from "../parts/value.tsx";

const levels = ["debug", "info", "warn", "error"] as const;

/** The end of the actor's log, live. */
export function LogsTab() {
  const { address, live } = useOpenActor();
  const query = useQuery(logsQuery(address));
  const [level, setLevel] = useState<(typeof levels)[number]>("debug");
  const [text, setText] = useState("");
  const list = useRef<HTMLUListElement>(null);
  const records = mergeRecords(query.data ?? [], live.logs).filter(
    (record) =>
      levels.indexOf(record.level) >= levels.indexOf(level) &&
      record.message.toLowerCase().includes(text.trim().toLowerCase()),
  );
  const last = records.at(-1);
  const onScroll = useStickToEnd(list, last && recordKey(last));
  return (
    <>
      <div className="panel-head">
        <h2>Logs</h2>
      </div>
      <div className="panel-filters">
        <SelectField
          label="At least"
          value={level}
          onChange={(value) => setLevel(levels.find((each) => each === value) ?? "debug")}
        >
          {levels.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </SelectField>
        <TextField label="Message contains" type="search" value={text} onChange={setText} />
      </div>
      {query.isPending && <Loading label="Loading the log" />}
      {query.isError && <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />}
      {!query.isPending && records.length === 0 ? (
        <Empty title="No log records yet">Records that the actor writes with c.log appear here.</Empty>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable list is reached by keyboard.
        <ul className="feed" tabIndex={0} aria-label="Log" ref={list} onScroll={onScroll}>
          {records.map((record) => (
            <li key={recordKey(record)} className={`log-${record.level}`}>
              <time className="muted">{formatClock(record.time)}</time>{" "}
              <span className="log-level">{record.level}</span> {visibleText(record.message)}{" "}
              <Fields record={record} />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** Without the fields that identify the actor, whose page this is. */
function Fields({ record }: { readonly record: LogRecord }) {
  const { actorId: _, actor: __, ...fields } = record.fields;
  if (Object.keys(fields).length === 0) return null;
  return <Value value={fields} label={`Fields of ${record.message}`} />;
}
