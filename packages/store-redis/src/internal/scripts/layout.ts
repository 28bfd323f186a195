import { Script } from "./script.ts";

/** Makes the record of the store's layout, or reads it. Returns nothing if the key is not such a record. */
export const layoutScript = new Script(
  "",
  `local layout, id, shards = arg(), arg(), arg()
local meta = prefix .. 'meta'
local type = redis.call('TYPE', meta).ok
if type ~= 'none' and type ~= 'hash' then return false end
if type == 'none' then redis.call('HSET', meta, 'layout', layout, 'id', id, 'shards', shards) end
local r = redis.call('HMGET', meta, 'layout', 'id', 'shards')
return r[1] and r[2] and r[3] and r or false`,
);
