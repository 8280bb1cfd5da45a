-- Asks Portico's check about a call. What it lets pass goes where the answer says; anything else is the caller's answer.
local check = "http://" .. os.getenv("PORTICO_CHECK") .. "/check"
local told = { "ratelimit", "ratelimit-policy", "deprecation", "sunset", "link" }
local never = { ["content-length"] = true, ["transfer-encoding"] = true, ["connection"] = true, ["portico-verdict"] = true }
local unavailable = '{"type":"https://portico.dev/problems/check-unavailable","title":"The call could not be checked, so it was '
  .. 'not let through; try again shortly.","status":503,"code":"CHECK_UNAVAILABLE"}'

local function first(headers, name)
  local values = headers and headers[name]
  return values and values[0] or nil
end

local function refuse(txn, status, headers, body)
  local reply = txn:reply({ status = status, body = body })
  for name, values in pairs(headers) do
    if not never[name] then
      for _, value in pairs(values) do
        reply:add_header(name, value)
      end
    end
  end
  reply:add_header("x-request-id", txn.f:req_hdr("x-request-id"))
  txn:done(reply)
end

core.register_action("portico_check", { "http-req" }, function(txn)
  local asked = {
    ["x-forwarded-method"] = { txn.sf:method() },
    ["x-forwarded-uri"] = { txn.sf:pathq() },
    ["x-request-id"] = { txn.sf:req_hdr("x-request-id") },
  }
  local authorization = txn.f:req_fhdr("authorization")
  if authorization then
    asked["authorization"] = { authorization }
  end
  local answer = core.httpclient():get({ url = check, headers = asked, timeout = 3000 })
  if answer == nil or answer.status == nil or answer.status == 0 or (answer.status >= 500 and first(answer.headers, "content-type") ~= "application/problem+json") then
    refuse(txn, 503, { ["content-type"] = { "application/problem+json" } }, unavailable)
    return
  end
  if answer.status ~= 200 then
    refuse(txn, answer.status, answer.headers or {}, answer.body or "")
    return
  end
  local host, port = string.match(first(answer.headers, "portico-upstream") or "", "^http://([^/:]+):(%d+)$")
  if host == nil then
    refuse(txn, 503, { ["content-type"] = { "application/problem+json" } }, unavailable)
    return
  end
  for name, values in pairs(answer.headers) do
    if string.sub(name, 1, 10) == "x-portico-" then
      txn.http:req_set_header(name, values[0])
    end
  end
  for _, name in ipairs(told) do
    local value = first(answer.headers, name)
    if value then
      txn:set_var("txn." .. string.gsub(name, "-", "_"), value)
    end
  end
  local named = first(answer.headers, "portico-host")
  if named then
    txn.http:req_set_header("host", named)
  end
  txn:set_var("txn.upstream_host", host)
  txn:set_var("txn.upstream_port", tonumber(port))
  txn.http:req_set_uri(first(answer.headers, "portico-target"))
end)
