-- The package tls of Haskell as a peer. Arguments as of peer.go. Sessions are kept in memory: by a server for its clients, by a client for its next connection.
{-# LANGUAGE CPP #-}
{-# LANGUAGE OverloadedStrings #-}

module Main (main) where

import Control.Concurrent (forkFinally)
import Control.Exception (SomeException, try)
import Control.Monad (forM_, forever, unless, void)
import qualified Data.ByteString as B
import qualified Data.ByteString.Char8 as C
import qualified Data.ByteString.Lazy as L
import Data.Default.Class (def)
import Data.IORef
import Data.X509.CertificateStore (readCertificateStore)
import Network.Socket
import Network.TLS
import Network.TLS.Extra.Cipher (ciphersuite_default)
import System.Environment (getArgs)
import System.IO (BufferMode (LineBuffering), hSetBuffering, stdout)

main :: IO ()
main = do
  hSetBuffering stdout LineBuffering
  arguments <- getArgs
  case arguments of
    ["server", cert, key] -> serve cert key
    ["client", port, ca, count] -> ask port ca (read count)
    _ -> fail "server CERT KEY, or client PORT CA COUNT"

type Sessions = IORef [(SessionID, SessionData)]

manager :: Sessions -> SessionManager
manager sessions =
  noSessionManager
    { sessionResume = find,
      sessionResumeOnlyOnce = find,
      sessionEstablish = \name session -> modifyIORef sessions ((name, session) :),
      sessionInvalidate = \name -> modifyIORef sessions (filter ((/= name) . fst))
    }
  where
    find name = lookup name <$> readIORef sessions

versions :: Supported
versions = def {supportedCiphers = ciphersuite_default, supportedVersions = [TLS13, TLS12]}

serve :: FilePath -> FilePath -> IO ()
serve cert key = do
  credential <- either fail pure =<< credentialLoadX509 cert key
  sessions <- newIORef []
  listener <- socket AF_INET Stream defaultProtocol
  bind listener (SockAddrInet 0 (tupleToHostAddress (127, 0, 0, 1)))
  listen listener 16
  port <- socketPort listener
  putStrLn ("version " ++ VERSION_tls)
  putStrLn ("port " ++ show port)
  let parameters =
        def
          { serverShared = def {sharedCredentials = Credentials [credential], sharedSessionManager = manager sessions},
            serverSupported = versions
          }
  forever $ do
    (connection, _) <- accept listener
    forkFinally (echo parameters connection) (const (close connection))

echo :: ServerParams -> Socket -> IO ()
echo parameters connection = do
  context <- contextNew connection parameters
  handshake context
  let loop = do
        bytes <- recvData context
        unless (B.null bytes) (sendData context (L.fromStrict bytes) >> loop)
  loop
  void (try (sendData context "bye") :: IO (Either SomeException ()))
  void (try (bye context) :: IO (Either SomeException ()))

ask :: String -> FilePath -> Int -> IO ()
ask port ca count = do
  store <- maybe (fail "no authority") pure =<< readCertificateStore ca
  sessions <- newIORef []
  forM_ [1 .. count] $ \_ -> do
    known <- readIORef sessions
    connection <- socket AF_INET Stream defaultProtocol
    connect connection (SockAddrInet (fromIntegral (read port :: Int)) (tupleToHostAddress (127, 0, 0, 1)))
    let fresh = defaultParamsClient "localhost" ""
        parameters =
          fresh
            { clientShared = (clientShared fresh) {sharedCAStore = store, sharedSessionManager = manager sessions},
              clientSupported = versions,
              clientWantSessionResume = if null known then Nothing else Just (head known)
            }
    context <- contextNew connection parameters
    handshake context
    forM_ ["hello", "again"] $ \word -> sendData context word >> recvData context
    bye context
    rest <- restOf context
    putStrLn ("rest " ++ C.unpack (C.concat rest))
    close connection

restOf :: Context -> IO [B.ByteString]
restOf context = do
  read' <- try (recvData context) :: IO (Either SomeException B.ByteString)
  case read' of
    Right bytes | not (B.null bytes) -> (bytes :) <$> restOf context
    _ -> pure []
