import { applyEntry, index, putPages, putState, removeContent } from "./commit.ts";
import { Script } from "./script.ts";

/** Writes a part of an actor that does not exist yet: an entry of its log, entries, or pages. */
export const stageScript = new Script(
  "",
  `${putPages}${putState}${applyEntry}
local id, kind = arg(), arg()
if redis.call('EXISTS', key('actor', id)) == 1 then return redis.error_reply('FENCED The actor exists') end
if kind == 'state' then
  local version, type, now, bytes = arg(), arg(), arg(), arg()
  putState(id, version, type, now, bytes)
elseif kind == 'entries' then
  for i = 1, tonumber(arg()) do applyEntry(id) end
else
  putPages(id, '1', tonumber(arg()), 0, 0)
end
return 1`,
);

/** Makes an actor of its parts. */
export const finishRestoreScript = new Script(
  "",
  `${index}
local id, name, address, hash, created, wake = arg(), arg(), arg(), arg(), arg(), arg()
local version, commit, snapshot, pageSize, pageCount = arg(), arg(), arg(), arg(), arg()
local row = key('actor', id)
-- Made by an attempt whose answer was lost.
if redis.call('HGET', row, 'c') == commit then return 1 end
if redis.call('EXISTS', row) == 1 or redis.call('HEXISTS', prefix .. 'keys', hash) == 1 then
  return redis.error_reply('FENCED The actor or its key exists')
end
index(id, name, hash)
if snapshot ~= '' then redis.call('HSET', row, 'sv', snapshot) end
if pageCount ~= '' then redis.call('HSET', row, 'ps', pageSize, 'pn', pageCount, 'dv', '1') end
if wake ~= '' then
  redis.call('ZADD', prefix .. 'due', wake, id)
  redis.call('HSET', row, 'wa', wake)
end
redis.call('HSET', row, 'n', name, 'k', address, 'kh', hash, 'ca', created, 'e', '1', 'v', version, 'c', commit)
redis.call('ZREM', prefix .. 'pending', 'restore ' .. id)
return 1`,
);

/** Removes the parts of an actor that was not made in the end. */
export const dropRestoreScript = new Script(
  "allow-oom",
  `${removeContent}
local id = arg()
if redis.call('EXISTS', key('actor', id)) == 0 then removeContent(id) end
redis.call('ZREM', prefix .. 'pending', 'restore ' .. id)
return 1`,
);
