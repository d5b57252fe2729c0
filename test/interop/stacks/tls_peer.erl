%% ssl of Erlang as a peer: as peer.go.
-module(tls_peer).
-export([main/1]).

main(["server", Cert, Key]) ->
    {ok, _} = application:ensure_all_started(ssl),
    {ok, Listener} = ssl:listen(0, [binary, {active, false}, {ip, {127, 0, 0, 1}}, {certfile, Cert}, {keyfile, Key}]),
    {ok, {_, Port}} = ssl:sockname(Listener),
    {ok, Version} = application:get_key(ssl, vsn),
    io:format("version ~s~nport ~p~n", [Version, Port]),
    accept(Listener);
main(["client", Port, Ca, Count]) ->
    {ok, _} = application:ensure_all_started(ssl),
    [ask(list_to_integer(Port), Ca) || _ <- lists:seq(1, list_to_integer(Count))].

accept(Listener) ->
    {ok, Accepted} = ssl:transport_accept(Listener),
    case ssl:handshake(Accepted) of
        {ok, Socket} -> echo(Socket);
        {error, _} -> ok
    end,
    accept(Listener).

echo(Socket) ->
    case ssl:recv(Socket, 0) of
        {ok, Data} -> ssl:send(Socket, Data), echo(Socket);
        {error, _} -> ssl:send(Socket, <<"bye">>), ssl:close(Socket)
    end.

ask(Port, Ca) ->
    Options = [binary, {active, false}, {verify, verify_peer}, {cacertfile, Ca}, {server_name_indication, "localhost"},
               {session_tickets, auto}],
    {ok, Socket} = ssl:connect({127, 0, 0, 1}, Port, Options),
    lists:foreach(fun(Word) ->
        ok = ssl:send(Socket, Word),
        {ok, Word} = ssl:recv(Socket, byte_size(Word))
    end, [<<"hello">>, <<"again">>]),
    ssl:shutdown(Socket, write),
    io:format("rest ~s~n", [rest(Socket, <<>>)]),
    ssl:close(Socket).

rest(Socket, Before) ->
    case ssl:recv(Socket, 0) of
        {ok, Data} -> rest(Socket, <<Before/binary, Data/binary>>);
        {error, _} -> Before
    end.
