-- For wrk: posts its first argument as the body of every request, with its second, where there is one, as credentials.
function init(args)
  wrk.method = 'POST'
  wrk.body = args[1]
  wrk.headers['content-type'] = 'application/json'
  if args[2] then wrk.headers['authorization'] = args[2] end
end
