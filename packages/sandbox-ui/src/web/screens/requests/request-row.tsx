import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { CopyButton } from "@holdfast/web-parts";
import { formatBytes, formatPreciseClock } from "@holdfast/web-parts/format";
import { memo } from "react";
import { useApi } from "../../api/context.ts";
import { curlCommand } from "../../api/requests/curl.ts";
import type { LoggedRequest } from "../../api/requests/request-log.ts";
import { formatMs, isFailed, statusText } from "./request-text.ts";

/** One request. Only a row whose request has changed is drawn again. */
export const RequestRow = memo(function RequestRow({ request }: { readonly request: LoggedRequest }) {
  const { connection } = useApi();
  const { method, path, status, durationMs, bytes, startedAt } = request;
  return (
    <tr>
      <td>
        <code>
          <strong>{method}</strong> {visibleText(path)}
        </code>
      </td>
      <td className={isFailed(request) ? "request-failed" : undefined}>{statusText(request)}</td>
      <td className="number">{durationMs === undefined ? "" : formatMs(durationMs)}</td>
      <td className="number">{bytes === undefined ? status !== undefined && "open" : formatBytes(bytes)}</td>
      <td className="muted small">{formatPreciseClock(startedAt)}</td>
      <td>
        <CopyButton
          text={() => curlCommand(request, connection)}
          label={`Copy ${method} ${path} as a curl command`}
        />
      </td>
    </tr>
  );
});
