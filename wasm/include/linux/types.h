#pragma once
typedef unsigned short __u16;
